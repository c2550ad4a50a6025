/** Route selection of a message, and the reply to its client. */
import * as v from 'valibot'
import type { Outcome } from '../invoke/outcome.ts'
import type { WebSocketApi, WebSocketRoute } from '../template/cloud.ts'
import { maxMessageBytes } from './limits.ts'

const Json = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()))

/** Selects a message's route by its selection field, or else `$default`; undefined when the API has no such route. */
export function selectRoute(api: WebSocketApi, body: string): { routeKey: string; route: WebSocketRoute } | undefined {
  const parsed = v.safeParse(Json, body)
  const selected = parsed.success ? parsed.output[api.selectionField] : undefined
  const named = typeof selected === 'string' && !selected.startsWith('$') ? selected : '$default'
  const routeKey = api.routes.has(named) ? named : '$default'
  const route = api.routes.get(routeKey)
  return route && { routeKey, route }
}

const ProxyResponse = v.object({
  statusCode: v.number(),
  body: v.nullish(v.string()),
  isBase64Encoded: v.nullish(v.boolean()),
  headers: v.nullish(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))),
})
type ProxyResponse = v.InferOutput<typeof ProxyResponse>

/** Parses a function's outcome as the response of a proxy integration; undefined when it is not one. */
export function proxyResponse(outcome: Outcome): ProxyResponse | undefined {
  if (outcome.status === 'failed') return undefined
  const parsed = v.safeParse(ProxyResponse, outcome.value)
  return parsed.success ? parsed.output : undefined
}

/**
 * Returns a message of API Gateway itself. It has no `event`: clients recognise it by that. AWS documents the words "Too
 * Many Requests" for a throttled message ("Protecting your WebSocket API" in API Gateway's developer guide), and no frame
 * for it; ours has the fields of the gateway's other messages.
 */
export function gatewayMessage(message: string, connectionId: string, requestId: string): string {
  return JSON.stringify({ message, connectionId, requestId })
}

/** Returns the reply to the client after an invocation: the route's response, an error, or nothing. */
export function routeReply(
  route: WebSocketRoute,
  outcome: Outcome,
  ids: { readonly connectionId: string; readonly requestId: string },
): string | undefined {
  const response = proxyResponse(outcome)
  const isTooLong = Buffer.byteLength(response?.body ?? '') > maxMessageBytes
  if (response === undefined ? outcome.status === 'failed' || route.responds : isTooLong) {
    return gatewayMessage('Internal server error', ids.connectionId, ids.requestId)
  }
  if (!route.responds || !response?.body) return undefined
  return response.isBase64Encoded ? Buffer.from(response.body, 'base64').toString() : response.body
}

/** Returns the sub-protocol that the `$connect` integration chose. API Gateway answers no other. */
export function chosenProtocol(response: ProxyResponse): string | undefined {
  const header = Object.entries(response.headers ?? {}).find(
    ([name]) => name.toLowerCase() === 'sec-websocket-protocol',
  )
  return header && String(header[1])
}
