/** Meter: writes measurements as log lines in CloudWatch's embedded metric format, and the counters for `/metrics`. */
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
  /** Records a measurement that does not follow from a decision. */
  measure(name: keyof typeof metricNames, value: number, about?: Readonly<Record<string, unknown>>): void
  /** Counts a request that was refused or has failed. */
  refused(code: ErrorCode, about?: Readonly<Record<string, unknown>>): void
  /** Writes the counters since the last flush. Does not throw: after a failure, the next flush writes them. */
  flush(): Promise<void>
}

export type MeterDeps = {
  /** `METRICS_NAMESPACE`. */
  readonly namespace: string
  readonly store: Pick<MetricStore, 'add'>
  readonly clock: Clock
  readonly log: Log
  /** Receives one line, without a line break; standard output by default. */
  readonly write?: (line: string) => void
}

/** Makes the meter of a process; it keeps counters in memory until `flush`. */
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
        log.warn('Could not write the counters, keeping them', { error })
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
      // A code on which an operator must act raises the same alarm whether a pairing or a session met it (405, R26).
      // A session that others keep taking away is one more: its credentials are in use elsewhere.
      return errorSpec(happening.code).level === 'error' || happening.code === 'SESSION_REPLACED'
        ? [failure(happening.code)]
        : []
  }
}

/** Fields beside a measurement that lead from a figure to the log lines behind it. */
function aboutOf({ companyId, before, after }: Observed): Record<string, unknown> {
  const attempt = after.attempt ?? before.attempt
  return { companyId, ...(attempt && { attemptId: attempt.attemptId, correlationId: attempt.correlationId }) }
}
