/** Measures what happens: log lines in CloudWatch's embedded metric format, and the counters that `/metrics` reads. */
import { type Happening, happeningsOf } from '../domain/metrics/happenings.ts'
import { type Counts, countsOf, sumOf } from '../domain/metrics/metrics.ts'
import type { ErrorCode } from '../domain/values/errors.ts'
import { errorSpec } from '../domain/values/errors.ts'
import type { MetricStore } from '../dynamo/fleet/metric-store.ts'
import type { Clock } from '../ports.ts'
import type { Log } from './log.ts'
import type { metricNames } from './metric-names.ts'
import { emfLines, type Measurement } from './metrics-emf.ts'
import type { Observed } from './observed-store.ts'

export type Meter = {
  /** Measures a written decision. */
  observe(observed: Observed): void
  /** Measures something that no decision shows. */
  measure(name: keyof typeof metricNames, value: number, about?: Readonly<Record<string, unknown>>): void
  /** A request was refused, or has failed. */
  refused(code: ErrorCode, about?: Readonly<Record<string, unknown>>): void
  /** Writes the counters that have come together; a failure is logged, and its counters are written the next time. */
  flush(): Promise<void>
}

export type MeterDeps = {
  /** `METRICS_NAMESPACE`. */
  readonly namespace: string
  readonly store: Pick<MetricStore, 'add'>
  readonly clock: Clock
  readonly log: Log
  /** Takes one line, without its end. */
  readonly write?: (line: string) => void
}

/** One of functions and hosts each: what it has counted is kept until `flush`. */
export function createMeter(deps: MeterDeps): Meter {
  const { namespace, store, clock, log } = deps
  const write = deps.write ?? ((line: string) => process.stdout.write(`${line}\n`))
  let pending: Counts = {}
  const emit = (measurements: readonly Measurement[], about: Readonly<Record<string, unknown>> = {}): void => {
    for (const line of emfLines(namespace, measurements, about, clock())) write(line)
  }
  return {
    observe(observed) {
      const happenings = happeningsOf(observed)
      pending = sumOf([pending, ...happenings.map(countsOf)])
      emit(happenings.flatMap(measurementsOf), aboutOf(observed))
    },
    measure: (name, value, about) => emit([{ name, value }], about),
    refused: (code, about) => emit([failure(code)], about),
    async flush() {
      const counts = pending
      pending = {}
      if (Object.keys(counts).length === 0) return
      try {
        await store.add(counts, clock())
      } catch (error) {
        pending = sumOf([counts, pending])
        log.warn('Counters could not be written, they are kept', { error })
      }
    },
  }
}

const failure = (code: ErrorCode): Measurement => ({ name: 'pairingFailed', value: 1, code })

function measurementsOf(happening: Happening): readonly Measurement[] {
  switch (happening.type) {
    case 'requested':
      return [{ name: 'pairingRequested', value: 1 }]
    case 'phoneChanged':
      return [{ name: 'phoneMismatch', value: 1 }]
    case 'codeIssued':
      return [
        { name: 'codeIssued', value: 1 },
        { name: 'timeToCode', value: happening.tookMs },
      ]
    case 'phoneConfirmed':
      return [{ name: 'phoneConfirmed', value: 1 }]
    case 'linked':
      return [
        { name: 'linked', value: 1 },
        { name: 'timeToLink', value: happening.tookMs },
      ]
    case 'attemptEnded':
      return happening.outcome === 'connected' ? [] : [failure(happening.outcome)]
    case 'unlinked':
      return [
        { name: 'cleanupTime', value: happening.tookMs },
        ...(happening.result === 'confirmed' ? [] : [{ name: 'unlinkUnconfirmed', value: 1 } as const]),
      ]
    case 'sessionInterrupted':
      return [{ name: 'reconnects', value: 1 }]
    case 'sessionStopped':
      // What an operator must act on rings the same alarm, whether a pairing or a session has met it (405, R26).
      return errorSpec(happening.code).level === 'error' ? [failure(happening.code)] : []
  }
}

/** What stands beside a measurement, so that a figure leads to the log lines behind it. */
function aboutOf({ companyId, before, after }: Observed): Record<string, unknown> {
  const attempt = after.attempt ?? before.attempt
  return { companyId, ...(attempt && { attemptId: attempt.attemptId, correlationId: attempt.correlationId }) }
}
