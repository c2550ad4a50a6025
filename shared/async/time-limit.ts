/** The one way to wait for something, but no longer than a while. */

/** Runs `action` once, `ms` from now, unless what it returns is called before. Hosts bring that of their clock. */
export type Timer = (ms: number, action: () => void) => () => void

export const systemTimer: Timer = (ms, action) => {
  const timer = setTimeout(action, ms)
  return () => clearTimeout(timer)
}

/**
 * Resolves with what the work comes to, or with what `timeUp` says (or throws) when it takes longer than `ms`. The work goes
 * on all the same; what it comes to then, even a failure, concerns nobody any more. No timer is left behind.
 */
export async function waitAtMost<Result, Late>(
  ms: number,
  work: Promise<Result>,
  timeUp: () => Late,
  after: Timer = systemTimer,
): Promise<Result | Late> {
  const { promise: isUp, resolve } = Promise.withResolvers<void>()
  const callOff = after(ms, resolve)
  try {
    // A race listens to the loser too: its late failure is no unhandled rejection.
    return await Promise.race([work, isUp.then(timeUp)])
  } finally {
    callOff()
  }
}
