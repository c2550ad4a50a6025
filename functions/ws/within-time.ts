import { waitAtMost } from '#shared/async/time-limit.ts'

/** Lambda's word on the time that it gives a function; a local call may have none. */
export type Remaining = { readonly getRemainingTimeInMillis?: () => number }

/** Milliseconds that are kept for the answer: what Lambda cuts off is answered by API Gateway, in words of its own. */
const reservedMs = 700

/** Rejects with a `TimeoutError` shortly before the function's time is up. */
export async function withinTime<T>(context: Remaining, work: Promise<T>): Promise<T> {
  const remaining = context.getRemainingTimeInMillis?.()
  if (remaining === undefined) return work
  return waitAtMost(Math.max(0, remaining - reservedMs), work, () => {
    throw Object.assign(new Error('The time of the function is up'), { name: 'TimeoutError' })
  })
}
