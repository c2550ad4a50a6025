/**
 * Health and version, public (requirements, "HTTP API"), and "not found" for requests without a route of their own. It
 * uses no other service, so it reports nothing to Sentry: the alarm on failing functions covers what is left.
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
  // API Gateway answers the preflights of browsers. To one that does get here, it adds its CORS headers.
  $default: async ({ event }) =>
    event.requestContext.http.method === 'OPTIONS'
      ? ok({ statusCode: 204, headers: {}, body: '' })
      : err({ code: 'NOT_FOUND' }),
}

const deps = once(
  (): HealthDeps => ({ log: createLog('health'), version: parseEnv(HealthEnv, process.env).BUILD_VERSION }),
)

export const handler = endpoint(healthRoutes, deps)
