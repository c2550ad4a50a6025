/** Liveness and version, for anyone; nothing else (requirements section 7). */
import { ok } from '#shared/domain/result.ts'
import { HealthEnv, parseEnv } from '#shared/env.ts'
import { createLog, type Log } from '#shared/log.ts'
import { endpoint } from '../endpoint.ts'
import { once } from '../once.ts'
import { json } from '../responses.ts'
import type { Route } from './request.ts'

export type HealthDeps = { readonly log: Log; readonly version: string }

export const healthRoutes: Readonly<Record<string, Route<HealthDeps>>> = {
  'GET /api/health': async (_request, { version }) => ok(json(200, { status: 'ok', version })),
}

const deps = once(
  (): HealthDeps => ({ log: createLog('health'), version: parseEnv(HealthEnv, process.env).BUILD_VERSION }),
)

export const handler = endpoint(healthRoutes, deps)
