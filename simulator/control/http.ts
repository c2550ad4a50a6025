import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { listen } from '../wire/listen.ts'
import type { Control } from './reply.ts'

/** The part of a simulator that the HTTP server needs. */
type Controllable = { readonly control: Control }

/** A running HTTP server for the control routes, on the loopback. */
export type ControlServer = {
  readonly url: string
  close(): Promise<void>
}

/** Serves the control routes of a simulator over HTTP, on the loopback. Port 0 takes a free one. */
export async function serveControl(simulator: Controllable, port: number): Promise<ControlServer> {
  const server = createServer((request, response) => {
    answer(simulator, request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  const url = `http://127.0.0.1:${await listen(server, port)}`
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(simulator: Controllable, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = parseJson(await text(request))
  const reply = body.ok
    ? await simulator.control(request.method ?? 'GET', request.url ?? '/', body.value)
    : { status: 400, body: { field: 'body', message: 'the body must be JSON' } }
  response.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body))
}

/** Parses a request's body; an empty one is `undefined`. */
export function parseJson(json: string): { ok: true; value: unknown } | { ok: false } {
  if (json === '') return { ok: true, value: undefined }
  try {
    return { ok: true, value: JSON.parse(json) }
  } catch {
    // The caller sent it: the answer is a 400.
    return { ok: false }
  }
}
