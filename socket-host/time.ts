/** The clocks and timers of a host, injected so that tests run on a clock of their own. */
import type { Timer } from '#shared/async/time-limit.ts'
import type { Clock } from '#shared/ports.ts'

/** Stops a timer; harmless when it has fired. */
export type Cancel = ReturnType<Timer>

export type Time = {
  /** Wall clock, epoch ms: for deadlines that stand in a company's state. */
  readonly now: Clock
  /** Monotonic clock, ms: for leases and back-off, which no clock correction may stretch. */
  readonly monotonic: Clock
  /** Runs `action` once, `ms` from now. */
  readonly after: Timer
}

/** The longest delay that Node's timers take; longer ones would fire at once. */
const maxDelayMs = 2 ** 31 - 1

export const systemTime: Time = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, Math.min(Math.max(ms, 0), maxDelayMs))
    return () => clearTimeout(timer)
  },
}

/** Acts every so often, first after `everyMs`, until it is stopped. */
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
  // A signal may live as long as the host: what listens to it for good would add up.
  return promise.finally(() => {
    cancel()
    signal?.removeEventListener('abort', stop)
  })
}

/** Resolves with nothing when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  if (signal.aborted) resolve(undefined)
  else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  return promise
}
