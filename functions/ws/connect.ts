/** A client connects: remembered, so that it can be told things. The authorizer has let it in. */
import * as v from 'valibot'
import { once } from '#shared/async/once.ts'
import { errorSpec } from '#shared/domain/values/errors.ts'
import type { Connection, ConnectionStore } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { failureOf } from '../failures.ts'
import type { ErrorTelemetry } from '../telemetry/reports.ts'
import { connectionStore, errorTelemetry, log } from '../wiring/connection-deps.ts'
import { ConnectEvent, type RouteResponse } from './events.ts'
import { offeredProtocols, subProtocol } from './handshake.ts'

export type ConnectDeps = {
  readonly connections: ConnectionStore
  readonly log: Log
  readonly telemetry: ErrorTelemetry
  /** Ends connections that had to give way. */
  readonly expel: (connections: readonly Connection[]) => Promise<void>
}

/** Answers `$connect`: 200 with the sub-protocol if it was offered. */
export async function connect(rawEvent: unknown, deps: ConnectDeps): Promise<RouteResponse> {
  try {
    const { requestContext, ...handshake } = v.parse(ConnectEvent, rawEvent)
    const { connectionId, connectedAt, authorizer, requestId: correlationId } = requestContext
    const { companyId, language, exp } = authorizer
    const tokenExpiresAt = exp * 1000
    const expelled = await deps.connections.add({ connectionId, companyId, language, connectedAt, tokenExpiresAt })
    deps.log.info('Client connects', { companyId, connectionId, correlationId, expelled: expelled.length })
    if (expelled.length > 0) await deps.expel(expelled)
    const isOffered = offeredProtocols(handshake).includes(subProtocol)
    // Browsers give up unless one of their sub-protocols is named; the token's must not be.
    return { statusCode: 200, ...(isOffered && { headers: { 'Sec-WebSocket-Protocol': subProtocol } }) }
  } catch (error) {
    const { code } = failureOf(error)
    deps.log[errorSpec(code).level]('A client could not connect', { code, error })
    if (code === 'INTERNAL') deps.telemetry.unexpected(error, { code, component: 'connect' })
    await deps.telemetry.finish()
    return { statusCode: errorSpec(code).httpStatus }
  }
}

/** A chunk of its own: most connections need none to give way. */
async function expel(connections: readonly Connection[]): Promise<void> {
  const { expelConnections } = await import('./expel.ts')
  await expelConnections(connections)
}

const deps = once(
  (): ConnectDeps => ({ connections: connectionStore(), log: log(), telemetry: errorTelemetry(), expel }),
)

export const handler = (event: unknown): Promise<RouteResponse> => connect(event, deps())
