/** Counts what happens, and makes figures of the counts (R36; requirements, "HTTP API"). Pure. */
import type { ErrorCode } from '../values/errors.ts'
import { unreachable } from '../values/result.ts'

import type { Happening } from './happenings.ts'

/** Counters, added up per minute. */
export type Counts = Readonly<Record<string, number>>

/** How an attempt ended, as counted. */
export type Outcome = 'connected' | ErrorCode

/** Upper bounds of the buckets; what lies above the last is counted there, too. */
const histograms = {
  time_to_code_ms: [500, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000],
  time_to_link_ms: [5_000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000],
  cleanup_time_ms: [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000],
  credential_age_seconds: [3_600, 86_400, 604_800, 2_592_000, 7_776_000, 31_536_000],
} as const satisfies Record<string, readonly number[]>

export type Histogram = keyof typeof histograms

const outcomePrefix = 'outcome.'

/** What is to be added for each thing that happens. */
export const counted = {
  attemptRequested: (): Counts => ({ requested: 1 }),
  attemptEnded: (outcome: Outcome): Counts => ({ [`${outcomePrefix}${outcome}`]: 1 }),
  /** Another phone than the stored one was asked for; how old the stored link was. */
  phoneMismatch: (credentialAgeSeconds: number): Counts => ({
    phone_mismatch: 1,
    ...observed('credential_age_seconds', credentialAgeSeconds),
  }),
  /** A retired generation's device is gone, or could not be removed in time. */
  cleanupEnded: (result: 'ok' | 'failed', tookMs: number): Counts => ({
    [`cleanup.${result}`]: 1,
    ...observed('cleanup_time_ms', tookMs),
  }),
  codeIssued: (tookMs: number): Counts => observed('time_to_code_ms', tookMs),
  linked: (tookMs: number): Counts => observed('time_to_link_ms', tookMs),
} as const

/** What something that happened adds to the counters. */
export function countsOf(happening: Happening): Counts {
  switch (happening.type) {
    case 'requested':
      return counted.attemptRequested()
    case 'phoneChanged':
      return counted.phoneMismatch(Math.round(happening.change.credentialAgeMs / 1000))
    case 'codeIssued':
      return counted.codeIssued(happening.tookMs)
    case 'linked':
      return counted.linked(happening.tookMs)
    case 'attemptEnded':
      return counted.attemptEnded(happening.outcome)
    case 'unlinked':
      return counted.cleanupEnded(happening.result === 'confirmed' ? 'ok' : 'failed', happening.tookMs)
    case 'phoneConfirmed':
    case 'sessionInterrupted':
    case 'sessionStopped':
      return {}
    default:
      return unreachable(happening)
  }
}

/** One value in its bucket, and in sum and number. */
function observed(name: Histogram, value: number): Counts {
  const bound = histograms[name].find((upper) => value <= upper) ?? histograms[name].at(-1)
  return { [`${name}.le.${bound}`]: 1, [`${name}.sum`]: Math.max(0, value), [`${name}.count`]: 1 }
}

export const countOf = (counts: Counts, name: string): number => counts[name] ?? 0

/** `part` in `whole`, from 0 to 1; null when there was nothing to be a part of. */
export const ratio = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null)

/** The mean of a histogram; null when nothing was observed. */
export const mean = (counts: Counts, name: Histogram): number | null =>
  ratio(countOf(counts, `${name}.sum`), countOf(counts, `${name}.count`))

/** A percentile (0 to 1), interpolated inside its bucket; null when nothing was observed. */
export function percentile(counts: Counts, name: Histogram, share: number): number | null {
  const bounds = histograms[name]
  const inBuckets = bounds.map((bound) => countOf(counts, `${name}.le.${bound}`))
  const total = inBuckets.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  let before = 0
  for (const [index, count] of inBuckets.entries()) {
    const lower = bounds[index - 1] ?? 0
    const upper = bounds[index] ?? lower
    if (count > 0 && before + count >= share * total)
      return Math.round(lower + ((share * total - before) / count) * (upper - lower))
    before += count
  }
  return bounds.at(-1) ?? null
}

/** The attempts that have ended, by how. */
export const outcomesOf = (counts: Counts): Counts =>
  Object.fromEntries(
    Object.entries(counts).flatMap(([name, count]) =>
      name.startsWith(outcomePrefix) ? [[name.slice(outcomePrefix.length), count]] : [],
    ),
  )

/** Counts of several minutes in one. */
export function sumOf(minutes: readonly Counts[]): Counts {
  const sum: Record<string, number> = {}
  for (const counts of minutes) for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count
  return sum
}
