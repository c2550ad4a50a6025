/**
 * What every function needs of the outside, and all that `$connect` and `$disconnect` do. Apart from `deps.ts`: whatever
 * that imports and a chunk of theirs uses, they would load at each start.
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

/** Named after the function: Lambda tells it its name. */
export const log = /* @__PURE__ */ once(() =>
  createLog(process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? 'functions', { level: env().LOG_LEVEL }),
)

/** Two short tries: a function has ten seconds for everything. */
const callLimits = { tries: 2, tryMs: 1_500 }
export const controlTable = /* @__PURE__ */ once(() => ({
  client: documentClient(callLimits),
  table: env().CONTROL_TABLE,
}))

export const connectionStore = /* @__PURE__ */ once(() =>
  dynamoConnectionStore({ ...controlTable(), clock, limit: env().CONNECTIONS_PER_COMPANY }),
)

/** For functions that decide nothing about companies. */
export const errorTelemetry = /* @__PURE__ */ once(() =>
  createErrorTelemetry({ loadReporter: errorReporterOf(env()), log: log() }),
)
