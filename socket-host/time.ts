/** Clocks and timers of a host. They are injected, so that tests can replace them. */
import type { Timer } from '#shared/async/time-limit.ts'
import type { Clock } from '#shared/ports.ts'

/** Stops a timer. Does nothing when it has already fired. */
export type Cancel = ReturnType<Timer>

export type Time = {
  /** Wall clock, epoch ms: for deadlines in a company's state. */
  readonly now: Clock
  /** Monotonic clock, ms: for leases and back-off, which a correction of the wall clock must not change. */
  readonly monotonic: Clock
  /** Runs `action` once, `ms` from now. */
  readonly after: Timer
}

/** Longest delay of Node's timers; a longer one would fire at once. */
const maxDelayMs = 2 ** 31 - 1

export const systemTime: Time = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, Math.min(Math.max(ms, 0), maxDelayMs))
    return () => clearTimeout(timer)
  },
}

/** Calls `act` every `everyMs`, first after `everyMs`, until the returned function is called. */
export function repeated(time: Time, everyMs: number, act: () => void): Cancel {
  let cancel: Cancel = () => undefined
  const next = () => {
    cancel = time.after(everyMs, () => {
      act()
      next()
    })
  }
  next()
  return () => cancel()
}

/** Resolves after `ms`, or at once when the signal aborts. */
export function pause(time: Time, ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal?.aborted) return Promise.resolve()
  const cancel = time.after(ms, resolve)
  const stop = () => resolve()
  signal?.addEventListener('abort', stop)
  // The signal may live as long as the host: listeners that are never removed would add up.
  return promise.finally(() => {
    cancel()
    signal?.removeEventListener('abort', stop)
  })
}

/** Resolves with undefined when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  if (signal.aborted) resolve(undefined)
  else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  return promise
}
