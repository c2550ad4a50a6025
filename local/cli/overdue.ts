/**
 * A timer for overdue events: answers and pushes can get lost, and a client that only waits for them would wait for
 * ever.
 */
import { systemTimer, type Timer } from '#shared/async/time-limit.ts'

/** Times after which an event is overdue, in milliseconds. */
export type OverdueTimes = {
  /** Time allowed after the due time of an event. Without it, the server would often be asked in vain. */
  readonly graceMs: number
  /** Time between two questions, and the minimum wait for an event. */
  readonly intervalMs: number
}

/** An answer takes a second or two; API Gateway allows it 29. */
export const defaultOverdueTimes: OverdueTimes = { graceMs: 3_000, intervalMs: 10_000 }

export type Overdue = {
  /** Expects the next event in the given number of seconds; without a number, within the interval. */
  expectIn(seconds?: unknown): void
  stop(): void
}

/** Calls `ask` when the event that was expected last is overdue, and then at every interval until it is stopped. */
export function whenOverdue(
  ask: () => void,
  { graceMs, intervalMs }: OverdueTimes,
  after: Timer = systemTimer,
): Overdue {
  let cancel = () => {}
  const askIn = (ms: number) => {
    cancel()
    cancel = after(ms, () => {
      askIn(intervalMs)
      ask()
    })
  }
  return {
    expectIn: (seconds) => askIn(Math.max(intervalMs, (Number(seconds) || 0) * 1000 + graceMs)),
    stop: () => cancel(),
  }
}
