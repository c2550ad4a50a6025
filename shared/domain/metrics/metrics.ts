/** Counters of facts, and the figures made from them (R36; requirements, "HTTP API"). Pure. */
import type { ErrorCode } from '../values/errors.ts'
import { unreachable } from '../values/result.ts'
import type { Happening } from './happenings.ts'

/** Counters by name; the store adds them up per minute. */
export type Counts = Readonly<Record<string, number>>

/** Outcome of an attempt, as counted. */
export type Outcome = 'connected' | ErrorCode

/** Upper bounds of the buckets; values above the last bound are counted in the last bucket. */
const histograms = {
  time_to_code_ms: [500, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000],
  time_to_link_ms: [5_000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000],
  cleanup_time_ms: [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000],
  credential_age_seconds: [3_600, 86_400, 604_800, 2_592_000, 7_776_000, 31_536_000],
} as const satisfies Record<string, readonly number[]>

export type Histogram = keyof typeof histograms

const outcomePrefix = 'outcome.'

/** Increments of the counters for each kind of fact. */
export const counted = {
  attemptRequested: (): Counts => ({ requested: 1 }),
  attemptEnded: (outcome: Outcome): Counts => ({ [`${outcomePrefix}${outcome}`]: 1 }),
  /** A request for another phone than the linked one, with the age of the link. */
  phoneMismatch: (credentialAgeSeconds: number): Counts => ({
    phone_mismatch: 1,
    ...observed('credential_age_seconds', credentialAgeSeconds),
  }),
  /** A retired generation's device was removed, or could not be removed in time. */
  cleanupEnded: (result: 'ok' | 'failed', tookMs: number): Counts => ({
    [`cleanup.${result}`]: 1,
    ...observed('cleanup_time_ms', tookMs),
  }),
  codeIssued: (tookMs: number): Counts => observed('time_to_code_ms', tookMs),
  linked: (tookMs: number): Counts => observed('time_to_link_ms', tookMs),
} as const

/** Returns the increments for a fact. */
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

/** Increments for one value of a histogram: its bucket, the sum and the count. */
function observed(name: Histogram, value: number): Counts {
  const bound = histograms[name].find((upper) => value <= upper) ?? histograms[name].at(-1)
  return { [`${name}.le.${bound}`]: 1, [`${name}.sum`]: Math.max(0, value), [`${name}.count`]: 1 }
}

export const countOf = (counts: Counts, name: string): number => counts[name] ?? 0

/** Returns `part` divided by `whole`; null when `whole` is 0. */
export const ratio = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null)

/** Returns the mean of a histogram; null without observations. */
export const mean = (counts: Counts, name: Histogram): number | null =>
  ratio(countOf(counts, `${name}.sum`), countOf(counts, `${name}.count`))

/** Returns a percentile (`share` is 0 to 1), interpolated inside its bucket; null without observations. */
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

/** Returns the numbers of ended attempts by outcome. */
export const outcomesOf = (counts: Counts): Counts =>
  Object.fromEntries(
    Object.entries(counts).flatMap(([name, count]) =>
      name.startsWith(outcomePrefix) ? [[name.slice(outcomePrefix.length), count]] : [],
    ),
  )

/** Adds the counters of several minutes up. */
export function sumOf(minutes: readonly Counts[]): Counts {
  const sum: Record<string, number> = {}
  for (const counts of minutes) for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count
  return sum
}
