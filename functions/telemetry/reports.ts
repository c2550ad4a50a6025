/** Reports to Sentry: sent beside a function's work, and waited for at its end. Nothing is loaded before the first one. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { Log, LogFields } from '#shared/telemetry/log.ts'
import type { Reporter } from '#shared/telemetry/sentry.ts'

export type Reports<R> = {
  /** Sets a report off. */
  readonly send: (report: (reporter: R) => void) => void
  /** Waits for what has been set off: a function that has answered is frozen. Never throws. */
  readonly finish: () => Promise<void>
}

export type ReportsDeps<R> = {
  /** Loads the reporter; undefined without a DSN. */
  readonly loadReporter: (() => Promise<R>) | undefined
  readonly log: Log
}

/** Errors and phone changes are rare, and worth a moment. */
const reportsWithinMs = 1_500

export function reports<R extends Pick<Reporter, 'flush'>>({ loadReporter, log }: ReportsDeps<R>): Reports<R> {
  let pending: Promise<void>[] = []
  return {
    send(report) {
      if (!loadReporter) return
      const sent = loadReporter().then(async (reporter) => {
        report(reporter)
        await reporter.flush(reportsWithinMs)
      })
      pending.push(sent.catch((error: unknown) => log.warn('Nothing could be reported to Sentry', { error })))
    },
    async finish() {
      const sent = pending
      pending = []
      if (sent.length > 0) await waitAtMost(reportsWithinMs, Promise.all(sent), () => undefined)
    },
  }
}

/** Errors that nobody expected, of functions that decide nothing about companies: all that there is to report of them. */
export type ErrorTelemetry = {
  readonly unexpected: (error: unknown, about: LogFields) => void
  readonly finish: () => Promise<void>
}

export function createErrorTelemetry(deps: ReportsDeps<Pick<Reporter, 'error' | 'flush'>>): ErrorTelemetry {
  const { send, finish } = reports(deps)
  return { unexpected: (error, about) => send((reporter) => reporter.error(error, about)), finish }
}
