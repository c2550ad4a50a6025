/**
 * `$connect`: stores the connection, so that events can be pushed to it. The authorizer has accepted its token before.
 */
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
  /** Ends connections that exceed the company's limit (R34). */
  readonly expel: (connections: readonly Connection[]) => Promise<void>
}

/** Answers `$connect`: 200, with our sub-protocol if the client has offered it. Never throws. */
export async function connect(rawEvent: unknown, deps: ConnectDeps): Promise<RouteResponse> {
  try {
    const { requestContext, ...handshake } = v.parse(ConnectEvent, rawEvent)
    const { connectionId, connectedAt, authorizer, requestId: correlationId } = requestContext
    const { companyId, language, exp } = authorizer
    const tokenExpiresAt = exp * 1000
    const expelled = await deps.connections.add({ connectionId, companyId, language, connectedAt, tokenExpiresAt })
    deps.log.info('Client connected', { companyId, connectionId, correlationId, expelled: expelled.length })
    if (expelled.length > 0) await deps.expel(expelled)
    const isOffered = offeredProtocols(handshake).includes(subProtocol)
    // Browsers close the connection unless we name one of their sub-protocols. It must not be the one with the token.
    return { statusCode: 200, ...(isOffered && { headers: { 'Sec-WebSocket-Protocol': subProtocol } }) }
  } catch (error) {
    const { code } = failureOf(error)
    deps.log[errorSpec(code).level]('Could not connect a client', { code, error })
    if (code === 'INTERNAL') deps.telemetry.unexpected(error, { code, component: 'connect' })
    await deps.telemetry.finish()
    return { statusCode: errorSpec(code).httpStatus }
  }
}

/** Loads a separate chunk, because most connections exceed no limit. */
async function expel(connections: readonly Connection[]): Promise<void> {
  const { expelConnections } = await import('./expel.ts')
  await expelConnections(connections)
}

const deps = once(
  (): ConnectDeps => ({ connections: connectionStore(), log: log(), telemetry: errorTelemetry(), expel }),
)

export const handler = (event: unknown): Promise<RouteResponse> => connect(event, deps())
