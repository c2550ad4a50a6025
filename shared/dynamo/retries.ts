/**
 * Repeats a host's calls that fail quickly, within one time limit for all tries and pauses (R64). The SDK's own retries,
 * which functions use, end after a number of tries, and after some hundred failures of a process, however much time is
 * left.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { isTransient } from './store-unavailable.ts'

/** Time and chance of the pauses between tries. */
export type RetryDeps = {
  /** Monotonic ms. */
  readonly now: () => number
  readonly pause: (ms: number) => Promise<unknown>
  /** From 0 to 1. */
  readonly random: () => number
}

export const systemRetries: RetryDeps = { now: () => performance.now(), pause: (ms) => pause(ms), random: Math.random }

/** Limit of the first pause in ms; it doubles with each try. */
const firstPauseMs = 25
const maxPauseMs = 400
/** With less time than this, another try could only end unanswered. */
const shortestTryMs = 50

/** Returns the pause in ms after that many tries, with full jitter: callers that failed together must not come together. */
export const pauseAfter = (tries: number, random: () => number = Math.random): number =>
  random() * Math.min(maxPauseMs, firstPauseMs * 2 ** tries)

/** One try. It gives `note` what it waits for from then on, such as `credentials`: the text of `NotAnswered`. */
export type Attempt<T> = (signal: AbortSignal, note: (awaited: string) => void) => Promise<T>

/**
 * Makes tries of a call until one succeeds, fails for good, or until `wholeMs` are over. A try that gets no answer lasts
 * as long as the call: a store, or a process, that is only busy must not get every call twice. A try ends with its signal
 * also when it does not listen to it, as fetching credentials does not.
 */
export async function repeated<T>(attempt: Attempt<T>, wholeMs: number, { now, pause, random }: RetryDeps): Promise<T> {
  const until = now() + wholeMs
  for (let tries = 0; ; tries++) {
    try {
      return await inTime(until - now(), attempt)
    } catch (error) {
      const pauseMs = pauseAfter(tries, random)
      if (error instanceof NotAnswered || !isTransient(error) || now() + pauseMs + shortestTryMs > until) throw error
      await pause(pauseMs)
    }
  }
}

/** Thrown when a try has got no answer in the time that was left for the call. */
class NotAnswered extends Error {
  override readonly name = 'TimeoutError'
}

/** Aborts what takes longer, and rejects with `NotAnswered` then. */
async function inTime<T>(limitMs: number, run: Attempt<T>): Promise<T> {
  const over = new AbortController()
  let awaited = 'answer'
  const note = (next: string) => {
    awaited = next
  }
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => {
      // First, since the abort makes `run` reject, with an error like that of a connection that was reset.
      reject(new NotAnswered(`Not answered in time: no ${awaited}`))
      over.abort()
    },
    Math.max(1, limitMs),
  )
  try {
    return await Promise.race([run(over.signal, note), ended])
  } finally {
    clearTimeout(timer)
  }
}
