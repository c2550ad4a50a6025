/**
 * Log and report of an authorizer that can neither allow nor refuse: keys cannot be loaded, or the event is malformed.
 */
import * as v from 'valibot'
import { parseEnv, sentryEntries } from '#shared/config/authorizer-env.ts'
import { errorSpec } from '#shared/domain/values/errors.ts'
import { createLog, type LogOptions } from '#shared/telemetry/log.ts'
import { tokenCheckFailed } from '#shared/telemetry/metric-names.ts'
import { failureOf } from '../failures.ts'
import { errorReporterOf } from '../telemetry/error-reporter.ts'
import { createErrorTelemetry } from '../telemetry/reports.ts'

/** Only the entries for Sentry: another entry may be the cause of the failure. */
const Env = v.object(sentryEntries)
const Event = v.object({ requestContext: v.object({ requestId: v.string() }) })

/** Logs the failure, and reports it to Sentry unless it is an outage. */
export async function authorizerFailed(
  event: unknown,
  error: unknown,
  env: NodeJS.ProcessEnv,
  options: LogOptions = {},
): Promise<void> {
  const log = createLog('authorizer', options)
  const { code } = failureOf(error)
  const parsed = v.safeParse(Event, event)
  const about = { code, ...(parsed.success && { correlationId: parsed.output.requestContext.requestId }) }
  log[errorSpec(code).level](tokenCheckFailed, { ...about, error })
  if (code !== 'INTERNAL') return
  const { unexpected, finish } = createErrorTelemetry({ loadReporter: errorReporterOf(parseEnv(Env, env)), log })
  unexpected(error, { ...about, component: 'authorizer' })
  await finish()
}
