/** What a client may say while it connects: browsers can set neither headers nor bodies, so sub-protocols it is. */
import * as v from 'valibot'

/** The one sub-protocol there is; the answer to `$connect` names it when the client has offered it. */
export const subProtocol = 'pairplane.v1'
const tokenPrefix = 'jwt.'

const texts = v.nullish(v.record(v.string(), v.nullish(v.string())))

/** Headers and query of a `$connect` event; API Gateway keeps the case that the client wrote, and may send null. */
export const Handshake = v.object({ headers: texts, queryStringParameters: texts })
export type Handshake = v.InferOutput<typeof Handshake>

/** The value of a header, however its name is written. */
export function headerOf(handshake: Handshake, name: string): string | undefined {
  const entries = Object.entries(handshake.headers ?? {})
  return entries.find(([key]) => key.toLowerCase() === name)?.[1] ?? undefined
}

/** The sub-protocols that the client offers, in its order. */
export const offeredProtocols = (handshake: Handshake): readonly string[] =>
  (headerOf(handshake, 'sec-websocket-protocol') ?? '').split(',').map((protocol) => protocol.trim())

/** The token: from the sub-protocol `jwt.<token>`, else from `?token=`. */
export function tokenOf(handshake: Handshake): string | undefined {
  const offered = offeredProtocols(handshake).find((protocol) => protocol.startsWith(tokenPrefix))
  return offered?.slice(tokenPrefix.length) || handshake.queryStringParameters?.['token'] || undefined
}
