/** Reports to Sentry: sent while the function works, and awaited at its end. Sentry is loaded by the first report. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { LogFields } from '#shared/telemetry/log-fields.ts'
import type { Reporter } from '#shared/telemetry/sentry.ts'

export type Reports<R> = {
  /** Starts to send a report. */
  readonly send: (report: (reporter: R) => void) => void
  /** Waits for the reports under way, because Lambda freezes a function that has answered. Never throws. */
  readonly finish: () => Promise<void>
}

export type ReportsDeps<R> = {
  /** Loads the reporter; undefined without a DSN. */
  readonly loadReporter: (() => Promise<R>) | undefined
  readonly log: Log
}

/** Maximum time that a client waits for reports. Errors and phone changes are rare enough for that. */
const reportsWithinMs = 1_500

/** Makes the reports of a function. A report that fails is logged. */
export function reports<R extends Pick<Reporter, 'flush'>>({ loadReporter, log }: ReportsDeps<R>): Reports<R> {
  let pending: Promise<void>[] = []
  return {
    send(report) {
      if (!loadReporter) return
      const sent = loadReporter().then(async (reporter) => {
        report(reporter)
        await reporter.flush(reportsWithinMs)
      })
      pending.push(sent.catch((error: unknown) => log.warn('Could not report to Sentry', { error })))
    },
    async finish() {
      const sent = pending
      pending = []
      if (sent.length > 0) await waitAtMost(reportsWithinMs, Promise.all(sent), () => undefined)
    },
  }
}

/** Telemetry of functions that make no decisions about companies: unexpected errors only. */
export type ErrorTelemetry = {
  /** Reports an unexpected error. */
  readonly unexpected: (error: unknown, about: LogFields) => void
  /** Waits for what is still being sent. Call it before the function answers. */
  readonly finish: () => Promise<void>
}

export function createErrorTelemetry(deps: ReportsDeps<Pick<Reporter, 'error' | 'flush'>>): ErrorTelemetry {
  const { send, finish } = reports(deps)
  return { unexpected: (error, about) => send((reporter) => reporter.error(error, about)), finish }
}
