/** Input of a client while it connects. Browsers can set neither headers nor a body, only sub-protocols and the URL. */
import * as v from 'valibot'

/** Our only sub-protocol. The answer to `$connect` names it if the client has offered it. */
export const subProtocol = 'pairplane.v1'
const tokenPrefix = 'jwt.'

const texts = v.nullish(v.record(v.string(), v.nullish(v.string())))

/** Headers and query of a `$connect` event. API Gateway keeps the client's upper and lower case, and may send null. */
export const Handshake = v.object({ headers: texts, queryStringParameters: texts })
export type Handshake = v.InferOutput<typeof Handshake>

/** Returns the value of a header. `name` is in lower case; the client's name may have any case. */
export function headerOf(handshake: Handshake, name: string): string | undefined {
  const entries = Object.entries(handshake.headers ?? {})
  return entries.find(([key]) => key.toLowerCase() === name)?.[1] ?? undefined
}

/** Returns the sub-protocols that the client offers, in its order. */
export const offeredProtocols = (handshake: Handshake): readonly string[] =>
  (headerOf(handshake, 'sec-websocket-protocol') ?? '').split(',').map((protocol) => protocol.trim())

/** Returns the token: from the sub-protocol `jwt.<token>`, else from `?token=`. */
export function tokenOf(handshake: Handshake): string | undefined {
  const offered = offeredProtocols(handshake).find((protocol) => protocol.startsWith(tokenPrefix))
  return offered?.slice(tokenPrefix.length) || handshake.queryStringParameters?.['token'] || undefined
}
