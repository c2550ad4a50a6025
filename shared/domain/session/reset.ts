/** Reset: a company's stored credentials are retired (R7). */
import { endAttempt } from '../attempt/attempt-end.ts'
import type { Waiting } from '../company/attempt.ts'
import { awaitUnlink } from '../company/cleanup.ts'
import { answer, type CompanyState, type Decision, decision, without } from '../company/company.ts'
import { retireByReset } from '../company/retirement.ts'

/** Outcome of a reset: the generation that it retired, if there was one. */
export type ResetOutcome = { readonly retired?: string }

/**
 * Retires the stored credentials in one write (R7) and raises the fence. A running attempt ends as `PAIRING_CANCELLED`.
 * The requests in `waiting` are answered when the device has been unlinked, or at once when there is none to unlink.
 */
export function resetCredentials(
  state: CompanyState,
  waiting: readonly Waiting[],
  now: number,
): Decision<ResetOutcome> {
  const ended = endAttempt(state, { code: 'PAIRING_CANCELLED' }, 'cancelled', now)
  const raised: CompanyState = { ...ended.state, fence: ended.state.fence + 1 }
  const reset = without(retireByReset(raised, now), 'session')
  const retired = reset.cleanup.length > state.cleanup.length ? reset.cleanup.at(-1) : undefined
  const outcome: ResetOutcome = retired ? { retired: retired.generation } : {}
  // A second reset while the device is still being removed waits for the same answer.
  const isAwaited = retired ? retired.unlink === 'pending' : reset.cleanup.at(-1)?.answerBy !== undefined
  if (isAwaited) return decision(awaitUnlink(reset, waiting, now), outcome, ended.notices)
  const nothing = {
    ...answer({ event: 'credentials-reset', unlinked: 'not-linked' }, waiting),
    audience: 'company' as const,
  }
  return decision(reset, outcome, [...ended.notices, nothing])
}
