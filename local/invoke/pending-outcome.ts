/** The outcome that a worker thread owes: one at a time, with a time limit. */
import type { Outcome } from './outcome.ts'

export type PendingOutcome = {
  /**
   * Resolves with the next outcome. `onTimeout` is called if there is none within `timeoutMs`; it must provide one.
   */
  next(timeoutMs: number, onTimeout: () => void): Promise<Outcome>
  /** Provides the outcome that is waited for. Does nothing when none is. */
  settle(outcome: Outcome): void
}

export function pendingOutcome(): PendingOutcome {
  let resolveNext: ((outcome: Outcome) => void) | undefined
  return {
    next: (timeoutMs, onTimeout) =>
      new Promise((resolve) => {
        const timer = setTimeout(onTimeout, timeoutMs)
        resolveNext = (outcome) => {
          clearTimeout(timer)
          resolve(outcome)
        }
      }),
    settle(outcome) {
      resolveNext?.(outcome)
      resolveNext = undefined
    },
  }
}
