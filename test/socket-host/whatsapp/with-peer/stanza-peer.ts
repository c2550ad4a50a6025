/** A WhatsApp that sends what a test tells it to and records what it receives. It accepts any login. */
import { createServer } from 'node:http'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { WebSocketServer } from 'ws'
import { certificateChain } from '../../../../simulator/crypto/certificate.ts'
import { generateKeyPair } from '../../../../simulator/crypto/x25519.ts'
import { generateSigningKey } from '../../../../simulator/crypto/xeddsa.ts'
import { healthy } from '../../../../simulator/service/conditions.ts'
import { performHandshake } from '../../../../simulator/service/handshake.ts'
import type { World } from '../../../../simulator/service/world.ts'
import { trust } from '../../../../simulator/trust-settings.ts'
import type { Channel } from '../../../../simulator/wire/channel.ts'
import { openConnection } from '../../../../simulator/wire/connection.ts'
import { listen } from '../../../../simulator/wire/listen.ts'
import { info, nowSeconds, resultOf, stanza } from '../../../../simulator/wire/stanzas.ts'

export type StanzaPeer = {
  /** Everything that the clients have sent, in order. */
  readonly received: readonly BinaryNode[]
  /** Sends to the latest client. */
  send(stanza: BinaryNode): void
  /** Waits for a stanza that matches, past or future. */
  waitFor(matches: (stanza: BinaryNode) => boolean): Promise<BinaryNode>
  /** Answers a request: undefined leaves it without an answer. By default each gets an empty result. */
  answer: (iq: BinaryNode) => BinaryNode | undefined
  close(): Promise<void>
}

/** Starts a peer and points Baileys at it. */
export async function startPeer(): Promise<StanzaPeer> {
  const server = createServer()
  const webSockets = new WebSocketServer({ noServer: true })
  const world = aWorld()
  const received: BinaryNode[] = []
  const looks = new Set<() => void>()
  let latest: Channel | undefined

  const serve = async (channel: Channel) => {
    latest = channel
    channel.send(stanza('success', { t: nowSeconds(), lid: '123:12@lid' }))
    channel.send(info(stanza('offline', { count: '0' })))
    for (let next = await channel.receive(); next; next = await channel.receive()) {
      received.push(next)
      const answer = isRequest(next) ? peer.answer(next) : undefined
      if (answer) channel.send(answer)
      for (const look of looks) look()
    }
  }
  server.on('upgrade', (request, tcp, head) => {
    webSockets.handleUpgrade(request, tcp, head, (socket) => {
      const connection = openConnection({ id: 1, client: undefined }, socket, tcp, () => {})
      void performHandshake(world, connection).then((client) => client && serve(client.channel))
    })
  })
  const peer: StanzaPeer = {
    received,
    send: (sent) => latest?.send(sent),
    waitFor: (matches) =>
      new Promise((resolve) => {
        const look = () => {
          const found = received.find(matches)
          if (!found) return
          looks.delete(look)
          resolve(found)
        }
        looks.add(look)
        look()
      }),
    answer: (iq) => resultOf(iq, stanza('count', { value: '812' })),
    async close() {
      for (const socket of webSockets.clients) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const port = await listen(server, 0)
  trust({ webSocketUrl: `ws://127.0.0.1:${port}/ws/chat`, rootKey: world.rootKey.public.toString('hex') })
  return peer
}

const isRequest = ({ tag, attrs }: BinaryNode) => tag === 'iq' && attrs['type'] !== 'result'

/** The part of a simulated WhatsApp that a handshake uses. */
function aWorld(): World {
  const rootKey = generateSigningKey()
  const staticKey = generateKeyPair()
  const certificate = certificateChain(rootKey, staticKey.public)
  return { rootKey, staticKey, certificate, condition: healthy, conditions: new Map() } as unknown as World
}
