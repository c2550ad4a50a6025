/** Time limit of a function, so that it answers before Lambda stops it. */
import { waitAtMost } from '#shared/async/time-limit.ts'

/** Lambda's context, as far as it tells the remaining time. A local call may not have it. */
export type Remaining = { readonly getRemainingTimeInMillis?: () => number }

/**
 * Milliseconds kept for our own answer. If Lambda stops the function, API Gateway answers with a message of its own.
 */
const reservedMs = 700

/** Returns the result of `work`. Rejects with a `TimeoutError` shortly before the function's time is up. */
export async function withinTime<T>(context: Remaining, work: Promise<T>): Promise<T> {
  const remaining = context.getRemainingTimeInMillis?.()
  if (remaining === undefined) return work
  return waitAtMost(Math.max(0, remaining - reservedMs), work, () => {
    throw Object.assign(new Error('The time of the function is up'), { name: 'TimeoutError' })
  })
}
