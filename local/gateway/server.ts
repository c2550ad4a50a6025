/** The one port on which everything of the local run answers that a person or a client talks to. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { close, listen } from '../services/listen.ts'
import { refuseUpgrade } from './upgrade-refusal.ts'

/** What is served. Paths are told apart by prefix; the HTTP API gets the rest. */
export type Handlers = {
  readonly http: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  readonly byPrefix: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>>>
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

export type Gateway = {
  /** E.g. `http://127.0.0.1:4000`. */
  readonly url: string
  /** Serves this from now on; before the first time everything is answered with 503. */
  serve(handlers: Handlers): void
  stop(): Promise<void>
}

/** Path of the WebSocket API. */
export const webSocketPath = '/ws'

/** Takes the port. Whoever needs the URL can have it before there is anything to serve. */
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

/** Answers that there is nothing to serve yet, or any more. */
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
