/**
 * `$connect`: gives the connection a place, so that events can be pushed to it. The authorizer has accepted its token
 * before.
 */
import { once } from '#shared/async/once.ts'
import { errorSpec, type Failure } from '#shared/domain/values/errors.ts'
import type { Connection, ConnectionStore } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { refusedFrom } from '../access/tokens.ts'
import { stack } from '../stack.ts'
import type { ErrorTelemetry } from '../telemetry/reports.ts'
import { connectionStore, errorTelemetry, log } from '../wiring/connection-deps.ts'
import { ConnectEvent, type RouteResponse, requestOf } from './events.ts'
import { offeredProtocols, subProtocol } from './handshake.ts'

export type ConnectDeps = {
  readonly connections: ConnectionStore
  readonly log: Log
  readonly telemetry: ErrorTelemetry
  /** Ends connections that exceed the company's limit (R34). */
  readonly expel: (connections: readonly Connection[]) => Promise<void>
}

const refusals = {
  'no-place': 'Client refused: its company has no place for a connection',
  barred: 'Client refused: another one of its company has just sent too much',
} as const

const failed = ({ code }: Failure): RouteResponse => ({ statusCode: errorSpec(code).httpStatus })

/** Answers `$connect`: 200, with our sub-protocol if the client has offered it; 429 when its company has no place. */
export const connect = stack<typeof ConnectEvent, ConnectDeps, RouteResponse>({
  component: 'connect',
  failureMessage: 'Could not connect a client',
  event: ConnectEvent,
  begin: (event, deps) => ({ ...requestOf(event), run: () => accept(event, deps), failed }),
  malformed: failed,
})

async function accept({ requestContext, ...handshake }: ConnectEvent, deps: ConnectDeps): Promise<RouteResponse> {
  const { connectionId, connectedAt, authorizer } = requestContext
  const { companyId, language, exp } = authorizer
  const tokenExpiresAt = refusedFrom(exp)
  const added = await deps.connections.add({ connectionId, companyId, language, connectedAt, tokenExpiresAt })
  if (!added.ok) {
    deps.log.info(refusals[added.error])
    return failed({ code: 'RATE_LIMITED' })
  }
  const expelled = added.value
  deps.log.info('Client connected', { expelled: expelled.length })
  if (expelled.length > 0) await deps.expel(expelled)
  const isOffered = offeredProtocols(handshake).includes(subProtocol)
  // Browsers close the connection unless we name one of their sub-protocols. It must not be the one with the token.
  return { statusCode: 200, ...(isOffered && { headers: { 'Sec-WebSocket-Protocol': subProtocol } }) }
}

/** Loads a separate chunk, because most connections exceed no limit. */
async function expel(connections: readonly Connection[]): Promise<void> {
  const { expelConnections } = await import('./expel.ts')
  await expelConnections(connections)
}

const deps = once(
  (): ConnectDeps => ({ connections: connectionStore(), log: log(), telemetry: errorTelemetry(), expel }),
)

export const handler = connect(deps)
