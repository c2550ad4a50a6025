/** Waiting with a time limit. */

/** Runs `action` once, `ms` from now; returns a function that cancels it. Hosts pass the timer of their own clock. */
export type Timer = (ms: number, action: () => void) => () => void

export const systemTimer: Timer = (ms, action) => {
  const timer = setTimeout(action, ms)
  return () => clearTimeout(timer)
}

/**
 * Settles as `work` does, or as `timeUp` does (by its result or what it throws) when `work` takes longer than `ms`. The
 * work is not cancelled; its late result or failure is ignored. No timer is left behind.
 */
export async function waitAtMost<Result, Late>(
  ms: number,
  work: Promise<Result>,
  timeUp: () => Late,
  after: Timer = systemTimer,
): Promise<Result | Late> {
  const { promise: isUp, resolve } = Promise.withResolvers<void>()
  const cancelTimer = after(ms, resolve)
  try {
    // `Promise.race` also handles the loser's rejection, which would otherwise be reported as unhandled.
    return await Promise.race([work, isUp.then(timeUp)])
  } finally {
    cancelTimer()
  }
}
