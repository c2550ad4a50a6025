/** The HTTP API: routes requests to functions. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Invoke } from '../invoke/outcome.ts'
import type { HttpApi } from '../template/cloud.ts'
import { readBody } from './body.ts'
import { corsHeaders, isPreflight, preflightHeaders } from './cors.ts'
import { httpEvent, splitTarget, type WireRequest } from './http-event.ts'
import { gatewayAnswer, type HttpAnswer, httpAnswer } from './http-response.ts'
import { matchRoute } from './http-routes.ts'
import { maxBodyBytes } from './limits.ts'
import { type Admit, throttled } from './throttle.ts'
import { withTimeout } from './with-timeout.ts'

/** Answers one request. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Returns the handler that serves one HTTP API. */
export function httpGateway(api: HttpApi, invoke: Invoke): HttpHandler {
  const admit = throttled(api.throttle)
  return async (request, response) => {
    const origin = request.headers.origin
    if (api.cors !== undefined && origin !== undefined && isPreflight(request.method ?? '', request.headers)) {
      return send(response, { status: 204, headers: preflightHeaders(api.cors, origin), body: Buffer.alloc(0) })
    }
    const answer = await route(request, api, invoke, admit)
    send(response, { ...answer, headers: { ...answer.headers, ...corsHeaders(api.cors, origin) } })
  }
}

async function route(request: IncomingMessage, api: HttpApi, invoke: Invoke, admit: Admit): Promise<HttpAnswer> {
  const body = await readBody(request, maxBodyBytes)
  if (body === undefined) return gatewayAnswer(413, 'Request Entity Too Large')
  const wire = toWireRequest(request, body)
  const match = matchRoute(api.routes, wire.method, splitTarget(wire.target).path)
  if (match === undefined) return gatewayAnswer(404, 'Not Found')
  if (!admit(match.route.routeKey)) return gatewayAnswer(429, 'Too Many Requests')
  const event = httpEvent(wire, match, api, Date.now())
  return httpAnswer(await withTimeout(invoke(match.route.functionArn, event), match.route.timeoutMs))
}

function toWireRequest(request: IncomingMessage, body: Buffer): WireRequest {
  return {
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    rawHeaders: request.rawHeaders,
    sourceIp: request.socket.remoteAddress ?? '',
    protocol: `HTTP/${request.httpVersion}`,
    body,
  }
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('apigw-requestid', randomUUID())
  response.writeHead(status)
  response.end(body)
}
