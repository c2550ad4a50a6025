/** Transitions of the linked session, which its host reports (R42). */
import { endAttempt } from '../attempt/attempt-end.ts'
import type { AttemptOutcome, Owner } from '../company/attempt.ts'
import { retire } from '../company/cleanup.ts'
import {
  type CompanyEvent,
  type CompanyState,
  type Decision,
  decision,
  notice,
  type Session,
  type SessionStatus,
  type Stale,
  without,
} from '../company/company.ts'
import type { ErrorCode } from '../values/errors.ts'
import { maskPhone } from '../values/phone.ts'

/** A host's reference to the session that it runs. */
export type SessionRef = { readonly generation: string; readonly owner: Owner }

const isCurrent = (state: CompanyState, ref: SessionRef): boolean =>
  state.credentials?.generation === ref.generation && state.epoch <= ref.owner.epoch

/** The session is connected and its keys are stored (R42). An attempt that waited for it ends as `connected`. */
export function sessionConnected(state: CompanyState, ref: SessionRef, now: number): Decision<'connected' | Stale> {
  if (!isCurrent(state, ref)) return decision(state, 'stale')
  const { attempt, credentials } = state
  const isAwaited = attempt?.state === 'restarting' || (attempt?.state === 'connecting' && attempt.awaitsSession)
  const session: Session = { ...enter(state, 'connected', ref.owner, now), connectedAt: now }
  // A client that named no phone has not proved that it knows the number: mask it.
  const isNamed = !isAwaited || attempt.phone !== undefined
  const connected: CompanyEvent = {
    event: 'whatsapp-connected',
    ...(credentials?.phone && { phone: isNamed ? credentials.phone : maskPhone(credentials.phone) }),
    ...(isAwaited && { attemptId: attempt.attemptId }),
  }
  const next = { ...state, epoch: ref.owner.epoch, session }
  if (!isAwaited) {
    const notices = state.session?.status === 'connected' ? [] : [notice(connected)]
    return decision(next, 'connected', notices)
  }
  const { attemptId, method, waiting } = attempt
  const lastAttempt: AttemptOutcome = { attemptId, method, state: 'connected', at: now }
  const unanswered = waiting.filter(({ isAnswered }) => !isAnswered)
  return decision({ ...without(next, 'attempt'), lastAttempt }, 'connected', [notice(connected, unanswered)])
}

/** The session has closed and will be reopened. */
export function sessionInterrupted(
  state: CompanyState,
  ref: SessionRef,
  code: ErrorCode,
  now: number,
): Decision<'reconnecting' | Stale> {
  if (!isCurrent(state, ref)) return decision(state, 'stale')
  const wasConnected = state.session?.status === 'connected'
  const isPairing = state.attempt?.state === 'restarting'
  const session: Session = { ...enter(state, isPairing ? 'connecting' : 'reconnecting', ref.owner, now), error: code }
  const notices = wasConnected ? [notice({ event: 'whatsapp-disconnected', code, willReconnect: true })] : []
  return decision({ ...state, epoch: ref.owner.epoch, session }, 'reconnecting', notices)
}

/** WhatsApp has ended the session. `retire`: the credentials are void (401), else kept (restricted, outdated). */
export function sessionEnded(
  state: CompanyState,
  ref: SessionRef,
  end: { readonly code: ErrorCode; readonly retire: boolean },
  now: number,
): Decision<'ended' | Stale> {
  if (!isCurrent(state, ref)) return decision(state, 'stale')
  const isPairing = state.attempt?.state === 'restarting'
  const failed = isPairing ? endAttempt(state, { code: end.code }, 'failed', now) : decision(state, undefined)
  const status: SessionStatus = end.retire ? 'logged-out' : 'stopped'
  const kept = end.retire ? retire(failed.state, 'logged-out', now) : failed.state
  const session: Session = { ...enter(state, status, ref.owner, now), error: end.code }
  const notices = [
    ...failed.notices,
    ...(isPairing ? [] : [notice({ event: 'whatsapp-disconnected', code: end.code, willReconnect: false })]),
  ]
  // The attempt took its link along: no session is left to describe.
  const next = isPairing && !kept.credentials ? kept : { ...kept, session }
  return decision({ ...next, epoch: ref.owner.epoch }, 'ended', notices)
}

/** The stored credentials cannot be read: retires and reports them; the next request pairs afresh (R9). */
export function credentialsUnreadable(state: CompanyState, ref: SessionRef, now: number): Decision<'retired' | Stale> {
  if (!isCurrent(state, ref)) return decision(state, 'stale')
  if (state.attempt?.state === 'restarting') {
    const failed = endAttempt(state, { code: 'CREDENTIALS_CONFLICT' }, 'failed', now)
    return decision({ ...failed.state, epoch: ref.owner.epoch }, 'retired', failed.notices)
  }
  const retired = retire(state, 'corrupt', now)
  const session: Session = { ...enter(state, 'logged-out', ref.owner, now), error: 'CREDENTIALS_CONFLICT' }
  const disconnected = notice({ event: 'whatsapp-disconnected', code: 'CREDENTIALS_CONFLICT', willReconnect: false })
  return decision({ ...retired, epoch: ref.owner.epoch, session }, 'retired', [disconnected])
}

/** Returns the session in a new status. It keeps its last error until it is connected, also under a new owner. */
export function enter(state: CompanyState, status: SessionStatus, owner: Owner, now: number): Session {
  const { session } = state
  const since = session?.status === status ? session.since : now
  const error = status === 'connected' ? undefined : session?.error
  return {
    // Also the fields that only a newer build knows (R49a).
    ...(session && without(session, 'error')),
    status,
    since,
    epoch: owner.epoch,
    hostId: owner.hostId,
    ...(error && { error }),
  }
}
