/**
 * `$disconnect`: removes the connection. API Gateway does not always send it; the TTL of the row or the next push
 * removes the other connections.
 */
import * as v from 'valibot'
import { once } from '#shared/async/once.ts'
import type { ConnectionStore } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { failureOf } from '../failures.ts'
import type { ErrorTelemetry } from '../telemetry/reports.ts'
import { connectionStore, errorTelemetry, log } from '../wiring/connection-deps.ts'
import { DisconnectEvent, type RouteResponse } from './events.ts'

export type DisconnectDeps = {
  readonly connections: ConnectionStore
  readonly log: Log
  readonly telemetry: ErrorTelemetry
}

/** Removes the connection. Its attempt goes on: the owner may be typing the code on this phone (R21). Never throws. */
export async function disconnect(rawEvent: unknown, deps: DisconnectDeps): Promise<RouteResponse> {
  try {
    const { requestContext } = v.parse(DisconnectEvent, rawEvent)
    const { connectionId, authorizer, requestId: correlationId } = requestContext
    await deps.connections.remove(authorizer.companyId, connectionId)
    deps.log.info('Client disconnected', { companyId: authorizer.companyId, connectionId, correlationId })
  } catch (error) {
    deps.log.warn('Could not remove a connection; it expires by itself', { error })
    if (failureOf(error).code === 'INTERNAL') deps.telemetry.unexpected(error, { component: 'disconnect' })
    await deps.telemetry.finish()
  }
  return { statusCode: 200 }
}

const deps = once((): DisconnectDeps => ({ connections: connectionStore(), log: log(), telemetry: errorTelemetry() }))

export const handler = (event: unknown): Promise<RouteResponse> => disconnect(event, deps())
