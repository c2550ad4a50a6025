/** Holds the companies of a shard while it looks at their attempts, so that none begins in between (R28). */
import { serialQueue } from '#shared/async/serial-queue.ts'
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { Attempt } from '#shared/domain/company/attempt.ts'
import type { Reconciler } from '../company/reconciler.ts'
import type { Time } from '../time.ts'

/** Longest wait for the steps that are under way: meanwhile no other company of the shard gets on. */
const stepsWithinMs = 1000

export type ShardHold = {
  /** While no pass may begin: resolves when passes may. */
  held(): Promise<void> | undefined
  /** As in `ShardCompanies`. */
  hold(mayLeave: (attempts: readonly Attempt[]) => boolean): Promise<boolean>
  /** Lets the passes that were held go on, to find that their company has left. */
  end(): void
}

/** Returns the attempts of the companies, as of their last steps. */
export const attemptsOf = (reconcilers: readonly Reconciler[]): readonly Attempt[] =>
  reconcilers.flatMap((each) => each.attempt() ?? [])

export function shardHold(time: Time, reconcilers: () => readonly Reconciler[]): ShardHold {
  let held: PromiseWithResolvers<void> | undefined
  const inTurn = serialQueue()

  async function hold(mayLeave: (attempts: readonly Attempt[]) => boolean): Promise<boolean> {
    if (held) return true
    if (!mayLeave(attemptsOf(reconcilers()))) return false
    held = Promise.withResolvers()
    const stepped = Promise.all(reconcilers().map((each) => each.whenStepped())).then(() => true)
    const isStill = await waitAtMost(stepsWithinMs, stepped, () => false, time.after)
    if (isStill && mayLeave(attemptsOf(reconcilers()))) return true
    held.resolve()
    held = undefined
    return false
  }

  return {
    held: () => held?.promise,
    // One look at a time: a drain may begin while the shard looks whether it may move.
    hold: (mayLeave) => inTurn(() => hold(mayLeave)),
    end: () => held?.resolve(),
  }
}
