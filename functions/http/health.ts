/**
 * Liveness and version, for anyone (requirements, "HTTP API"), and "not found" for requests that have no route of their own.
 * It needs no token, touches nothing and calls nobody, so there is nothing to report to Sentry either: what could still fail here
 * rings the alarm of failing functions.
 */
import { once } from '#shared/async/once.ts'
import { HealthEnv, parseEnv } from '#shared/config/env.ts'
import { err, ok } from '#shared/domain/values/result.ts'
import { createLog, type Log } from '#shared/telemetry/log.ts'
import { endpoint } from './endpoint.ts'
import type { Route } from './request.ts'
import { json } from './responses.ts'

export type HealthDeps = { readonly log: Log; readonly version: string }

export const healthRoutes: Readonly<Record<string, Route<HealthDeps>>> = {
  'GET /api/health': async (_request, { version }) => ok(json(200, { status: 'ok', version })),
  // Browsers' preflights are answered by API Gateway; should one come through, API Gateway adds its CORS headers to this.
  $default: async ({ event }) =>
    event.requestContext.http.method === 'OPTIONS'
      ? ok({ statusCode: 204, headers: {}, body: '' })
      : err({ code: 'NOT_FOUND' }),
}

const deps = once(
  (): HealthDeps => ({ log: createLog('health'), version: parseEnv(HealthEnv, process.env).BUILD_VERSION }),
)

export const handler = endpoint(healthRoutes, deps)
