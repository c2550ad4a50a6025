/** Reset: a company's stored credentials are retired (R7). */
import { endAttempt } from '../attempt/attempt-end.ts'
import type { Waiting } from '../company/attempt.ts'
import { awaitUnlink } from '../company/cleanup.ts'
import { answer, type CompanyState, type Decision, decision, type Notice, without } from '../company/company.ts'
import { retireByReset } from '../company/retirement.ts'

export type ResetOutcome =
  /** Something was ended: an attempt, a session, or stored credentials. `retired`: the generation that was retired last. */
  | { readonly kind: 'reset'; readonly retired?: string }
  /** The device of an earlier reset is still being removed; this request waits for the same answer. */
  | { readonly kind: 'awaited' }
  /** There was nothing to reset. */
  | { readonly kind: 'unchanged' }
  /** Nothing was done: too many requests wait for the removal. */
  | { readonly kind: 'crowded' }

/**
 * Retires the stored credentials in one write (R7) and raises the fence. A running attempt ends as `PAIRING_CANCELLED`.
 * The requests in `waiting` are answered when the device has been unlinked, or at once when there is none to unlink. A
 * reset that finds nothing changes nothing, however often it is repeated (R67).
 */
export function resetCredentials(
  state: CompanyState,
  waiting: readonly Waiting[],
  now: number,
): Decision<ResetOutcome> {
  if (!state.attempt && !state.credentials && !state.session) return resetNothing(state, waiting, now)
  const ended = endAttempt(state, { code: 'PAIRING_CANCELLED' }, 'cancelled', now)
  const raised: CompanyState = { ...ended.state, fence: ended.state.fence + 1 }
  const reset = without(retireByReset(raised, now), 'session')
  const last = reset.cleanup.at(-1)
  const retired = last && !state.cleanup.some(({ generation }) => generation === last.generation) ? last : undefined
  const outcome: ResetOutcome = { kind: 'reset', ...(retired && { retired: retired.generation }) }
  // A second reset while the device is still being removed waits for the same answer.
  const isAwaited = retired ? retired.unlink === 'pending' : last?.answerBy !== undefined
  if (!isAwaited) {
    const told: Notice = { ...notLinked(waiting), audience: 'company' }
    return decision(reset, outcome, [...ended.notices, told])
  }
  const awaited = awaitUnlink(reset, waiting, now)
  return awaited === 'crowded' ? decision(state, { kind: 'crowded' }) : decision(awaited, outcome, ended.notices)
}

function resetNothing(state: CompanyState, waiting: readonly Waiting[], now: number): Decision<ResetOutcome> {
  if (state.cleanup.at(-1)?.answerBy === undefined)
    return decision(state, { kind: 'unchanged' }, waiting.length > 0 ? [notLinked(waiting)] : [])
  const awaited = awaitUnlink(state, waiting, now)
  return awaited === 'crowded' ? decision(state, { kind: 'crowded' }) : decision(awaited, { kind: 'awaited' })
}

const notLinked = (waiting: readonly Waiting[]): Notice =>
  answer({ event: 'credentials-reset', unlinked: 'not-linked' }, waiting)
