/** A client connects: remembered, so that it can be told things. The authorizer has let it in. */
import * as v from 'valibot'
import { errorSpec } from '#shared/domain/errors.ts'
import type { Log } from '#shared/log.ts'
import type { ConnectionStore } from '#shared/ports.ts'
import { connectionStore, log } from '../deps.ts'
import { failureOf } from '../failures.ts'
import { once } from '../once.ts'
import { ConnectEvent, type RouteResponse } from './events.ts'
import { offeredProtocols, subProtocol } from './handshake.ts'

export type ConnectDeps = { readonly connections: ConnectionStore; readonly log: Log }

/** Answers `$connect`: 200 with the sub-protocol if it was offered, 429 when the company has connections enough. */
export async function connect(rawEvent: unknown, deps: ConnectDeps): Promise<RouteResponse> {
  try {
    const { requestContext, ...handshake } = v.parse(ConnectEvent, rawEvent)
    const { connectionId, connectedAt, authorizer } = requestContext
    const { companyId, language, exp } = authorizer
    const tokenExpiresAt = exp * 1000
    const added = await deps.connections.add({ connectionId, companyId, language, connectedAt, tokenExpiresAt })
    deps.log.info('Client connects', { companyId, connectionId, added, correlationId: requestContext.requestId })
    if (added === 'tooMany') return { statusCode: errorSpec('RATE_LIMITED').httpStatus }
    const isOffered = offeredProtocols(handshake).includes(subProtocol)
    // Browsers give up unless one of their sub-protocols is named; the token's must not be.
    return { statusCode: 200, ...(isOffered && { headers: { 'Sec-WebSocket-Protocol': subProtocol } }) }
  } catch (error) {
    const { code } = failureOf(error)
    deps.log[errorSpec(code).level]('A client could not connect', { code, error })
    return { statusCode: errorSpec(code).httpStatus }
  }
}

const deps = once((): ConnectDeps => ({ connections: connectionStore(), log: log() }))

export const handler = (event: unknown): Promise<RouteResponse> => connect(event, deps())
