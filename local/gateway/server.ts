/** The HTTP server of the local run's one port, which serves both APIs and the developer routes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { close, listen } from '../services/listen.ts'
import { refuseUpgrade } from './upgrade-refusal.ts'

/** Handlers of the server. `byPrefix` goes by the prefix of the path; the HTTP API gets all other paths. */
export type Handlers = {
  readonly http: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  readonly byPrefix: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>>>
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

export type Gateway = {
  /** E.g. `http://127.0.0.1:4000`. */
  readonly url: string
  /** Replaces the handlers. Until the first call, every request gets 503. */
  serve(handlers: Handlers): void
  stop(): Promise<void>
}

/** Path of the WebSocket API. */
export const webSocketPath = '/ws'

/** Listens on the port before there are handlers, so that the URL is known early. */
export async function startGateway(port: number): Promise<Gateway> {
  let handlers: Handlers | undefined
  const server: Server = createServer((request, response) => {
    respond(handlers, request, response).catch((error: unknown) => {
      console.error(error)
      if (response.headersSent) response.destroy()
      else sendMessage(response, 500, 'Internal Server Error')
    })
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (handlers === undefined) return refuseUpgrade(socket, 503, '')
    if (pathOf(request) !== webSocketPath) return refuseUpgrade(socket, 404, '')
    handlers.upgrade(request, socket, head)
  })
  const url = await listen(server, port)
  return {
    url,
    serve: (next) => {
      handlers = next
    },
    stop: () => close(server),
  }
}

async function respond(
  handlers: Handlers | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (handlers === undefined) return sendUnavailable(response)
  const path = pathOf(request)
  const special = Object.entries(handlers.byPrefix).find(([prefix]) => path.startsWith(prefix))
  await (special?.[1] ?? handlers.http)(request, response)
}

/** Answers 503: the run is still starting, or is stopping. */
export function sendUnavailable(response: ServerResponse): void {
  sendMessage(response, 503, 'Service Unavailable')
}

function sendMessage(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ message }))
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?')[0] ?? '/'
}
