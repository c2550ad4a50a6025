/** Events of the WebSocket API, as far as we read them. API Gateway sends null for a missing value. */
import * as v from 'valibot'
import { CompanyId } from '#shared/protocol/client-messages.ts'
import type { Work } from '../stack.ts'
import { Handshake } from './handshake.ts'

/** Context that the authorizer has set. API Gateway turns numbers into strings. */
const Client = v.object({
  companyId: CompanyId,
  role: v.literal('marketplace'),
  /** A connection may have a language of a newer build, whose authorizer it has passed (R49a). */
  language: v.fallback(v.picklist(['ru', 'en']), 'ru'),
  /** The token's, for the audit. */
  sub: v.nullish(v.string()),
  exp: v.pipe(v.union([v.number(), v.string()]), v.transform(Number), v.finite()),
})

const requestContext = v.object({
  connectionId: v.pipe(v.string(), v.nonEmpty()),
  /** Epoch ms. */
  connectedAt: v.number(),
  requestId: v.pipe(v.string(), v.maxLength(128)),
  authorizer: Client,
  identity: v.nullish(v.object({ userAgent: v.nullish(v.string()) })),
})

export const ConnectEvent = v.object({ requestContext, ...Handshake.entries })
export type ConnectEvent = v.InferOutput<typeof ConnectEvent>
export const DisconnectEvent = v.object({ requestContext })
export type DisconnectEvent = v.InferOutput<typeof DisconnectEvent>
export const MessageEvent = v.object({ requestContext, body: v.nullish(v.string()) })
export type MessageEvent = v.InferOutput<typeof MessageEvent>

/** Context of the requests of a client, for the stack. */
export const requestOf = ({ requestContext }: DisconnectEvent): Pick<Work<RouteResponse>, 'fields' | 'userAgent'> => {
  const { connectionId, authorizer, requestId: correlationId, identity } = requestContext
  return { fields: { companyId: authorizer.companyId, connectionId, correlationId }, userAgent: identity?.userAgent }
}

/** Response of a WebSocket route. The body goes to the client if the route has a route response. */
export type RouteResponse = {
  readonly statusCode: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}
