/** Log and telemetry of the authorizer. They are larger than all the rest of it and are loaded by a failure only. */
import * as v from 'valibot'
import { sentryEntries } from '#shared/config/authorizer-env.ts'
import { createLog, type LogOptions } from '#shared/telemetry/log.ts'
import type { Reporting } from '../failures.ts'
import { errorReporterOf } from '../telemetry/error-reporter.ts'
import { createErrorTelemetry } from '../telemetry/reports.ts'

/** Only the entries for Sentry: another entry may be the cause of the failure. */
const Env = v.object(sentryEntries)

export function authorizerReporting(env: NodeJS.ProcessEnv, options: LogOptions = {}): Reporting {
  const log = createLog('authorizer', options)
  // An entry for Sentry may be the wrong one. The failure must be logged all the same: its alarm counts log lines.
  const sentry = v.safeParse(Env, env)
  if (!sentry.success) return { log }
  return { log, telemetry: createErrorTelemetry({ loadReporter: errorReporterOf(sentry.output), log }) }
}
