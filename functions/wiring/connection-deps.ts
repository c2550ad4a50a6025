/**
 * Dependencies that all functions share; `$connect` and `$disconnect` need no others. They are apart from `deps.ts`,
 * because at each start those two would load everything that `deps.ts` shares with one of their chunks.
 */
import { once } from '#shared/async/once.ts'
import { ControlPlaneEnv, parseEnv } from '#shared/config/env.ts'
import { dynamoConnectionStore } from '#shared/dynamo/clients/connection-store.ts'
import { documentClient } from '#shared/dynamo/document-client.ts'
import type { Clock } from '#shared/ports.ts'
import { createLog } from '#shared/telemetry/log.ts'
import { errorReporterOf } from '../telemetry/error-reporter.ts'
import { createErrorTelemetry } from '../telemetry/reports.ts'

export const env = /* @__PURE__ */ once(() => parseEnv(ControlPlaneEnv, process.env))

export const clock: Clock = Date.now

/** Log under the function's name, which Lambda sets. */
export const log = /* @__PURE__ */ once(() =>
  createLog(process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? 'functions', { level: env().LOG_LEVEL }),
)

/** Two short tries, because a function has ten seconds in all. */
const callLimits = { tries: 2, tryMs: 1_500 }
export const controlTable = /* @__PURE__ */ once(() => ({
  client: documentClient(callLimits),
  table: env().CONTROL_TABLE,
}))

export const connectionStore = /* @__PURE__ */ once(() =>
  dynamoConnectionStore({ ...controlTable(), clock, limit: env().CONNECTIONS_PER_COMPANY }),
)

/** Telemetry of functions that make no decisions about companies. */
export const errorTelemetry = /* @__PURE__ */ once(() =>
  createErrorTelemetry({ loadReporter: errorReporterOf(env()), log: log() }),
)
