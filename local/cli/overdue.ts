/** Answers and pushes get lost; whoever only waits for them waits for ever. */
import { systemTimer, type Timer } from '#shared/async/time-limit.ts'

/** The patience of a client, in milliseconds. */
export type Patience = {
  /** News with a time by which they are due may be so late; asked sooner, the server would often be asked for nothing. */
  readonly graceMs: number
  /** Between two questions, and for news without such a time. */
  readonly intervalMs: number
}

/** An answer takes a second or two; API Gateway allows it 29. */
export const usualPatience: Patience = { graceMs: 3_000, intervalMs: 10_000 }

export type Overdue = {
  /** News are due in so many seconds; without a number, soon. */
  expectIn(seconds?: unknown): void
  stop(): void
}

/** Calls `ask` when the news that were expected last are overdue, and then again and again until it is stopped. */
export function whenOverdue(ask: () => void, { graceMs, intervalMs }: Patience, after: Timer = systemTimer): Overdue {
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
