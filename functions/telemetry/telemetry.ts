/** Telemetry of a function: metrics and reports, written while it works and awaited at its end. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import { happeningsOf } from '#shared/domain/metrics/happenings.ts'
import type { ErrorCode } from '#shared/domain/values/errors.ts'
import type { LogFields } from '#shared/telemetry/log-fields.ts'
import type { Meter } from '#shared/telemetry/metrics.ts'
import type { Observed } from '#shared/telemetry/observed-store.ts'
import type { Reporter } from '#shared/telemetry/sentry.ts'
import { type ErrorTelemetry, type ReportsDeps, reports } from './reports.ts'
import { currentUserAgent } from './request-context.ts'

export type Telemetry = ErrorTelemetry & {
  /** Counts a written decision, and reports the phone changes in it. */
  readonly observe: (observed: Observed) => void
  /** Counts a request that was refused or has failed. */
  readonly refused: (code: ErrorCode, about?: LogFields) => void
}

export type TelemetryDeps = ReportsDeps<Reporter> & { readonly meter: Meter }

/**
 * Maximum time that a client waits for the counters. A slow write goes on during the next call, and a failed one is
 * repeated with it.
 */
const countersWithinMs = 250

export function createTelemetry({ meter, loadReporter, log }: TelemetryDeps): Telemetry {
  const { send, finish } = reports({ loadReporter, log })
  return {
    observe(observed) {
      meter.observe(observed)
      const { companyId, after } = observed
      for (const happening of happeningsOf(observed)) {
        if (happening.type !== 'phoneChanged') continue
        const { change } = happening
        const { correlationId, attemptId } = after.attempt ?? {}
        const about = { companyId, correlationId, attemptId, userAgent: currentUserAgent() }
        send((reporter) => reporter.phoneChange(change, about))
      }
    },
    refused: meter.refused,
    unexpected: (error, about) => send((reporter) => reporter.error(error, about)),
    async finish() {
      await Promise.all([waitAtMost(countersWithinMs, meter.flush(), () => undefined), finish()])
    },
  }
}
