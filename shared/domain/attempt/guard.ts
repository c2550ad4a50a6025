/**
 * Messages that wake the watchdog, so that what is overdue ends even when no host is alive. A message wakes itself again
 * for the next deadline, as a chain. A company has one chain for its attempts, named in its state: requests that supersede
 * each other leave no chains behind (R67). Each retired generation has a chain of its own until its device is unlinked.
 */
import { deadlineOf } from '../company/attempt.ts'
import { cleanupDeadline } from '../company/cleanup.ts'
import type { CompanyState, Retired } from '../company/company.ts'
import { nextDeadline } from './deadlines.ts'

/** Time limit of a message, and its reason to go on. Without `chain` and `generation` it is of an older build. */
export type Wake = {
  /** Epoch ms. */
  readonly due: number
  /** Goes on while the company's state names this chain. */
  readonly chain?: string | undefined
  /** Goes on while the device of this retired generation is being unlinked. */
  readonly generation?: string | undefined
  /** Epoch ms of a message that comes later and goes on instead. */
  readonly until?: number | undefined
}

/**
 * Time that a message must have left, so that another attempt can rely on it. A message that arrives before the write of
 * that attempt would find nothing to guard, and end the chain: no function runs longer than this.
 */
export const guardMarginMs = 10_000

/**
 * Names the chain that guards an attempt which ends at `due` (epoch ms) at the latest: the one that is there, or the
 * attempt's own, whose message for `due` must be sent before the write.
 */
export function withGuard(state: CompanyState, chain: string, due: number, now: number): CompanyState {
  const { guard } = state
  if (guard && guard.due - now >= guardMarginMs && guard.due <= due) return state
  return { ...state, guard: { ...guard, chain, due } }
}

/** Returns the epoch ms at which a message must come again; undefined when its chain ends. */
export function nextWake({ chain, generation, until }: Omit<Wake, 'due'>, state: CompanyState): number | undefined {
  const due = guardedDeadline(state, chain, generation)
  return due === undefined || (until !== undefined && due >= until) ? undefined : due
}

function guardedDeadline(state: CompanyState, chain?: string, generation?: string): number | undefined {
  if (generation !== undefined) {
    const retired = state.cleanup.find((each) => each.generation === generation)
    return retired && cleanupDeadline(retired)
  }
  return chain === undefined || chain === state.guard?.chain ? nextDeadline(state) : undefined
}

/** Generations whose device has to be unlinked since this decision. */
export const newlyPending = (before: CompanyState, after: CompanyState): readonly Retired[] =>
  after.cleanup.filter(
    ({ generation, unlink }) =>
      unlink === 'pending' && !before.cleanup.some((other) => other.generation === generation),
  )

/**
 * Messages for a host's decision about a running attempt, which has its chain. One is needed only for a deadline that is
 * earlier than those before it; the chain goes on where that message ends.
 */
export function wakesAfter(before: CompanyState, after: CompanyState): readonly Wake[] {
  const wakes: Wake[] = newlyPending(before, after).flatMap((retired) => {
    const due = cleanupDeadline(retired)
    return due === undefined ? [] : [{ due, generation: retired.generation }]
  })
  const due = after.attempt && deadlineOf(after.attempt)
  // Of the attempt alone: the chain of a generation ends no attempt in time.
  const until = before.attempt && deadlineOf(before.attempt)
  if (due === undefined || (until !== undefined && due >= until)) return wakes
  const chain = after.guard && { chain: after.guard.chain }
  return [...wakes, { due, ...chain, ...(until !== undefined && { until }) }]
}
