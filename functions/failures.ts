/** Failures of functions: translates a thrown error into the failure that clients see, and records it for operators. */
import { ForeignState } from '#shared/domain/company/foreign-state.ts'
import { errorSpec, type Failure } from '#shared/domain/values/errors.ts'
import { Contention } from '#shared/dynamo/contention.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { LogFields } from '#shared/telemetry/log-fields.ts'
import type { ErrorTelemetry } from './telemetry/reports.ts'
import type { Telemetry } from './telemetry/telemetry.ts'

/** Log and telemetry of a function. Without `telemetry` its failures are only logged. Neither may throw. */
export type Reporting = {
  readonly log: Log
  readonly telemetry?: ErrorTelemetry & Partial<Pick<Telemetry, 'refused'>>
}

/** Name of a function in reports, and the log message of its failures. */
export type FailureKind = {
  readonly component: string
  readonly failureMessage: string
}

/** Logs a failure at the level of its code, counts it, and reports it if it is unexpected. Its text is never sent. */
export function recordFailure(
  error: unknown,
  { component, failureMessage }: FailureKind,
  fields: LogFields,
  { log, telemetry }: Reporting,
): Failure {
  const code = codeOf(error)
  log[errorSpec(code).level](failureMessage, { code, error })
  telemetry?.refused?.(code, fields)
  if (code === 'INTERNAL') telemetry?.unexpected(error, { ...fields, code, component })
  return code === 'BUSY' ? { code, retryAfter: contentionRetrySeconds } : { code }
}

/** Seconds to wait after races that were lost for two seconds. */
const contentionRetrySeconds = 2

function codeOf(error: unknown): Failure['code'] {
  if (isOutage(error)) return 'STORE_UNAVAILABLE'
  // Requests that collide are their senders' doing, and no reason to wake anybody (R67).
  if (error instanceof Contention) return 'BUSY'
  return error instanceof ForeignState ? 'HOST_UNAVAILABLE' : 'INTERNAL'
}

/** True when a service of AWS is down or slow. A `TimeoutError` means that the time of the function is up. */
const isOutage = (error: unknown): boolean =>
  error instanceof StoreUnavailable || (error instanceof Error && error.name === 'TimeoutError')
