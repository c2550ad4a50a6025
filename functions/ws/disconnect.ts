/**
 * `$disconnect`: frees the place of the connection, unless a newer one has taken it. API Gateway does not always send
 * it; the TTL of the row or the next push removes the other connections.
 */
import { once } from '#shared/async/once.ts'
import type { ConnectionStore } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { stack } from '../stack.ts'
import type { ErrorTelemetry } from '../telemetry/reports.ts'
import { connectionStore, errorTelemetry, log } from '../wiring/connection-deps.ts'
import { DisconnectEvent, type RouteResponse, requestOf } from './events.ts'

export type DisconnectDeps = {
  readonly connections: ConnectionStore
  readonly log: Log
  readonly telemetry: ErrorTelemetry
}

/** Answers 200 whatever happens: the client is gone, and the row of its connection expires by itself. */
const done = (): RouteResponse => ({ statusCode: 200 })

/** Removes the connection. Its attempt goes on: the owner may be typing the code on this phone (R21). */
export const disconnect = stack<typeof DisconnectEvent, DisconnectDeps, RouteResponse>({
  component: 'disconnect',
  failureMessage: 'Could not remove a connection; it expires by itself',
  event: DisconnectEvent,
  begin: (event, deps) => ({ ...requestOf(event), run: () => remove(event, deps), failed: done }),
  malformed: done,
})

async function remove(
  { requestContext }: DisconnectEvent,
  { connections, log }: DisconnectDeps,
): Promise<RouteResponse> {
  await connections.remove(requestContext.authorizer.companyId, requestContext.connectionId)
  log.info('Client disconnected')
  return done()
}

const deps = once((): DisconnectDeps => ({ connections: connectionStore(), log: log(), telemetry: errorTelemetry() }))

export const handler = disconnect(deps)
