/** A host takes an attempt on, rejects it, or leaves it to the host that adopts the company. */
import { type Attempt, attemptTimes } from '../company/attempt.ts'
import {
  type AttemptRef,
  type CompanyState,
  type Decision,
  decision,
  isEnded,
  ownAttempt,
  type Stale,
  without,
} from '../company/company.ts'
import type { BudgetTicket } from '../values/budget.ts'
import { differs } from '../values/phone.ts'
import { endAttempt } from './attempt-end.ts'
import { isSharedStop } from './refusal.ts'

/** The next step of a host that has accepted an attempt. */
export type Accepted =
  /** Open a registration socket. */
  | 'pair'
  /** The phone is linked: wait until its session is connected. */
  | 'awaitSession'
  | Stale

/**
 * A host accepts the attempt. Stored credentials stay: a code may never come (R9). Those of another phone go with the
 * first code, unless the policy keeps them until the new phone is linked (R8).
 */
export function acceptAttempt(
  state: CompanyState,
  ref: AttemptRef,
  policy: 'replace' | 'keep-until-linked',
  now: number,
): Decision<Accepted> {
  const { attempt, credentials } = state
  const isMine = attempt?.attemptId === ref.attemptId && attempt.fence === ref.fence && state.epoch <= ref.owner.epoch
  if (!isMine || attempt.state !== 'requested' || now >= attempt.deadline) return decision(state, 'stale')
  const awaitsSession = isLinked(state, attempt)
  const accepted: Attempt = {
    ...attempt,
    state: 'connecting',
    owner: ref.owner,
    awaitsSession,
    acceptedAt: now,
    ...(credentials && policy === 'replace' && mayReplace(state, attempt) && { replaces: credentials.generation }),
  }
  return decision({ ...state, epoch: ref.owner.epoch, attempt: accepted }, awaitsSession ? 'awaitSession' : 'pair')
}

/**
 * True when a code for this phone may retire the stored credentials: they are of another phone, and their session is not
 * stopped for a reason that may be nobody's wish. Those go only with the new link (R8).
 */
export const mayReplace = ({ credentials, session }: CompanyState, { phone }: Pick<Attempt, 'phone'>): boolean =>
  differs(credentials?.phone, phone) && !(session && isSharedStop(session))

/** True when the requested phone is linked and its session usable: no code is needed (R9). */
export const isLinked = ({ credentials, session }: CompanyState, { phone }: Pick<Attempt, 'phone'>): boolean =>
  credentials !== undefined && !isEnded(session) && !differs(credentials.phone, phone)

/**
 * A host cannot serve the attempt, now or before it leaves: ends the attempt before it is accepted, so that nothing
 * stored is retired (R8, R44). `retryAfter` is in seconds.
 */
export function rejectBusy(
  state: CompanyState,
  ref: AttemptRef,
  retryAfter: number,
  now: number,
): Decision<'busy' | Stale> {
  const { attempt } = state
  const isSame = attempt?.attemptId === ref.attemptId && attempt.fence === ref.fence
  if (!isSame || attempt.state !== 'requested' || state.epoch > ref.owner.epoch) return decision(state, 'stale')
  return { ...endAttempt(state, { code: 'BUSY', retryAfter }, 'failed', now), outcome: 'busy' }
}

/**
 * The awaited session is unusable: the attempt pairs afresh. The stored credentials stay until the new link (R9).
 * `ticket` is the code that was taken for it from the budget (R24).
 */
export function restartPairing(state: CompanyState, ref: AttemptRef, ticket?: BudgetTicket): Decision<'pair' | Stale> {
  const attempt = ownAttempt(state, ref)
  if (attempt?.state !== 'connecting' || !attempt.awaitsSession) return decision(state, 'stale')
  const fresh: Attempt = { ...attempt, awaitsSession: false, ...(ticket && { ticket }) }
  return decision({ ...state, attempt: fresh }, 'pair')
}

/**
 * Turns an attempt of a former owner back into a request when it has no code on screen yet and enough of its deadline
 * remains for a code; its owner keeps waiting and notices nothing (R28). A step of the former owner is stale, because
 * the fence is raised. Undefined for every other attempt.
 */
export function requeueAttempt(state: CompanyState, now: number): CompanyState | undefined {
  const { attempt } = state
  if (attempt?.state !== 'connecting' || attempt.deadline - now < attemptTimes.requeueMs) return undefined
  const fence = state.fence + 1
  const kept = without(attempt, 'owner', 'awaitsSession', 'replaces')
  return { ...state, fence, attempt: { ...kept, state: 'requested', fence } }
}
