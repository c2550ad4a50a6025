import { createServer, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { openConnection } from '../wire/connection.ts'
import { listen } from '../wire/listen.ts'
import { untilReady } from './conditions.ts'
import { serve } from './serve.ts'
import { noteViolation } from './violations.ts'
import type { World } from './world.ts'

/** The listening end of the service. */
export interface FrontDoor {
  readonly port: number
  /** Drops every connection, now. */
  cutAll(): void
  close(): Promise<void>
}

const PATH = '/ws/chat'
// WhatsApp sends no larger frames either; a length field of three bytes could ask for 16 MB.
const MAX_MESSAGE = 1 << 20

/** Listens for clients, on the loopback only. */
export async function openFrontDoor(world: World, port: number): Promise<FrontDoor> {
  const server = createServer((_request, response) => response.writeHead(426).end())
  const sockets = new Set<Duplex>()
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE })

  server.on('connection', (tcp) => {
    if (world.condition.ailment.down) {
      tcp.resetAndDestroy()
      return
    }
    sockets.add(tcp)
    tcp.on('close', () => sockets.delete(tcp))
  })
  server.on('upgrade', async (request, tcp, head) => {
    // A client that gives up while it waits must not end the process.
    tcp.on('error', () => tcp.destroy())
    await untilReady(world)
    const { upgradeHangs, upgradeStatus } = world.condition.ailment
    if (upgradeHangs) {
      world.traffic.unanswered += 1
      return
    }
    const status = request.url?.startsWith(PATH) ? upgradeStatus : 404
    if (status !== undefined) return refuseUpgrade(tcp, status)
    webSockets.handleUpgrade(request, tcp, head, (socket) => {
      world.traffic.connections += 1
      world.traffic.open += 1
      socket.on('close', () => {
        world.traffic.open -= 1
      })
      const connection = openConnection(world.traffic.connections, socket, tcp, (why) =>
        noteViolation(world, connection, 'bad-stream', why),
      )
      void serve(world, connection)
    })
  })

  const cutAll = () => {
    for (const tcp of sockets) tcp.destroy()
  }
  return { port: await listen(server, port), cutAll, close: () => close(server, cutAll) }
}

function refuseUpgrade(tcp: Duplex, status: number): void {
  tcp.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

async function close(server: Server, cutAll: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
  cutAll()
  await closed
}
