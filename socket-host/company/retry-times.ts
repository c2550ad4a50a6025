/** Times at which rejected attempts are asked to come back (R44). */

/** Longest of these times in ms: clients that ask again at once must not put it off for all others. */
const maxWaitMs = 60_000

/** Milliseconds of the host that a link takes, between two of these times. */
const betweenMs = 250

/**
 * Makes the times, in seconds from `now` (monotonic ms). Each rejected attempt gets one of its own: if all got the same
 * one, they would come back together, and all but one would be rejected again.
 */
export function retryTimes() {
  let nextReturnAt = 0
  return {
    after: (now: number, waitMs: number): number => {
      const returnAt = Math.min(Math.max(nextReturnAt, now + waitMs), now + maxWaitMs)
      nextReturnAt = returnAt + betweenMs
      return Math.ceil((returnAt - now) / 1000)
    },
    /** The host is idle: the clients that got these times have not come back, so the times are free again. */
    clear: (): void => {
      nextReturnAt = 0
    },
  }
}
