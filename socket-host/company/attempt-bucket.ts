/** Limits how many attempts a host admits (R44). */
import type { Time } from '../time.ts'

export type BucketLimits = {
  /** Attempts that are admitted at once. Beyond them `attemptsPerSecond` are admitted; the rest get a time to retry. */
  readonly attemptBurst: number
  readonly attemptsPerSecond: number
}

/** `retryAfter` is in seconds. */
export type Admission = 'admitted' | { readonly retryAfter: number }

/**
 * A token bucket on the monotonic clock. It admits an attempt whose code is expected within `withinMs`. Each rejected
 * attempt gets a retry time of its own: if all got the same one, they would come back together, and all but one would
 * be rejected again.
 */
export function attemptBucket(time: Pick<Time, 'monotonic'>, { attemptBurst, attemptsPerSecond }: BucketLimits) {
  const eachMs = 1000 / attemptsPerSecond
  let tokens = attemptBurst
  let filledAt = time.monotonic()
  let nextReturnAt = 0
  return (expectedMs: number, withinMs: number): Admission => {
    const elapsed = time.monotonic() - filledAt
    filledAt += elapsed
    tokens = Math.min(attemptBurst, tokens + elapsed / eachMs)
    // The bucket is full, so the clients that got these times have not come back: the times are free again.
    if (tokens === attemptBurst) nextReturnAt = 0
    if (tokens >= 1 && expectedMs <= withinMs) {
      tokens -= 1
      return 'admitted'
    }
    const returnAt = Math.max(nextReturnAt, filledAt + (tokens < 1 ? (1 - tokens) * eachMs : expectedMs))
    nextReturnAt = returnAt + eachMs
    return { retryAfter: Math.ceil((returnAt - filledAt) / 1000) }
  }
}
