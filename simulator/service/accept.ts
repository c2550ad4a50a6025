import { createServer, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { openConnection } from '../wire/connection.ts'
import { listen } from '../wire/listen.ts'
import { conditionFor, untilReady } from './conditions.ts'
import { serve } from './serve.ts'
import { recordViolation } from './violations.ts'
import type { World } from './world.ts'

/** The service's listening socket. */
export type Listener = {
  readonly port: number
  /** Drops every connection, or those of one client, now. */
  cutAll(client?: string): void
  close(): Promise<void>
}

const servicePath = '/ws/chat'
// WhatsApp's own frames are not larger either. Their length field of three bytes would allow 16 MB.
const maxMessageBytes = 1 << 20

/** Listens for clients on the loopback. Port 0 takes a free one. */
export async function startListener(world: World, port: number): Promise<Listener> {
  const server = createServer((_request, response) => response.writeHead(426).end())
  /** The client's name for each connection, known once the client has asked for the upgrade with `?client=NAME`. */
  const sockets = new Map<Duplex, string | undefined>()
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: maxMessageBytes })

  server.on('connection', (tcp) => {
    if (world.condition.faults.down) {
      tcp.resetAndDestroy()
      return
    }
    sockets.set(tcp, undefined)
    tcp.on('close', () => sockets.delete(tcp))
  })
  server.on('upgrade', async (request, tcp, head) => {
    // Without a listener, the error of a client that gives up here would end the process.
    tcp.on('error', () => tcp.destroy())
    const client = clientIn(request.url)
    sockets.set(tcp, client)
    await untilReady(world, { client })
    const { down, upgradeHangs, upgradeStatus } = conditionFor(world, { client }).faults
    if (down) return tcp.destroy()
    if (upgradeHangs) {
      world.traffic.unanswered += 1
      return
    }
    const status = request.url?.startsWith(servicePath) ? upgradeStatus : 404
    if (status !== undefined) return refuseUpgrade(tcp, status)
    webSockets.handleUpgrade(request, tcp, head, (socket) => {
      world.traffic.connections += 1
      world.traffic.open += 1
      socket.on('close', () => {
        world.traffic.open -= 1
      })
      const id = { id: world.traffic.connections, client }
      const connection = openConnection(id, socket, tcp, (why) => recordViolation(world, connection, 'bad-stream', why))
      void serve(world, connection)
    })
  })

  const cutAll = (client?: string) => {
    for (const [tcp, name] of sockets) if (client === undefined || client === name) tcp.destroy()
  }
  return { port: await listen(server, port), cutAll, close: () => close(server, cutAll) }
}

const clientIn = (url = ''): string | undefined =>
  URL.parse(url, 'ws://127.0.0.1')?.searchParams.get('client') ?? undefined

function refuseUpgrade(tcp: Duplex, status: number): void {
  tcp.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

async function close(server: Server, cutAll: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
  cutAll()
  await closed
}
