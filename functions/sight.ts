/** What operators see of a function's work: figures and reports, written beside it and waited for at its end. */
import type { ErrorCode } from '#shared/domain/errors.ts'
import { happeningsOf } from '#shared/domain/happenings.ts'
import type { Log, LogFields } from '#shared/log.ts'
import type { Meter } from '#shared/metrics.ts'
import type { Observed } from '#shared/observed-store.ts'
import type { Reporter } from '#shared/sentry.ts'
import { currentUserAgent } from './request-context.ts'

export type Sight = {
  /** A decision was written. */
  readonly observe: (observed: Observed) => void
  /** A request was refused or has failed. */
  readonly refused: (code: ErrorCode, about?: LogFields) => void
  /** Something was thrown that nobody expected. */
  readonly unexpected: (error: unknown, about: LogFields) => void
  /** Waits for what has been set off: a function that has answered is frozen. Takes no longer than it must, never throws. */
  readonly finish: () => Promise<void>
}

export type SightDeps = {
  readonly meter: Meter
  /** Loads the reporter; undefined without a DSN. */
  readonly loadReporter: (() => Promise<Reporter>) | undefined
  readonly log: Log
}

/** Clients wait meanwhile, so a slow table costs them no more than this; its counters go along with the next ones. */
const countersWithinMs = 250
/** Errors and phone changes are rare, and worth a moment. */
const reportsWithinMs = 1_500

export function functionSight({ meter, loadReporter, log }: SightDeps): Sight {
  let reports: Promise<void>[] = []
  const report = (send: (reporter: Reporter) => void): void => {
    if (!loadReporter) return
    const sent = loadReporter().then(async (reporter) => {
      send(reporter)
      await reporter.flush(reportsWithinMs)
    })
    reports.push(sent.catch((error: unknown) => log.warn('Nothing could be reported to Sentry', { error })))
  }
  return {
    observe(observed) {
      meter.observe(observed)
      const { companyId, after } = observed
      for (const happening of happeningsOf(observed)) {
        if (happening.type !== 'phoneChanged') continue
        const { change } = happening
        const { correlationId, attemptId } = after.attempt ?? {}
        const about = { companyId, correlationId, attemptId, userAgent: currentUserAgent() }
        report((reporter) => reporter.phoneChange(change, about))
      }
    },
    refused: meter.refused,
    unexpected: (error, about) => report((reporter) => reporter.error(error, about)),
    async finish() {
      const sending = reports
      reports = []
      await Promise.all([
        atMost(countersWithinMs, meter.flush()),
        ...(sending.length > 0 ? [atMost(reportsWithinMs, Promise.all(sending))] : []),
      ])
    },
  }
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise: timeUp, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([work, timeUp])
  clearTimeout(timer)
}
