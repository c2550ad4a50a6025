/** The linked session's transitions, as its host reports them; and reset, which ends everything (R7, R26). */
import type { Attempt, AttemptOutcome, Owner, Waiting } from './attempt.ts'
import { attemptTimes } from './attempt.ts'
import { endAttempt } from './attempt-end.ts'
import { awaitUnlink, retire } from './cleanup.ts'
import {
  answer,
  type CompanyEvent,
  type CompanyState,
  type Decision,
  decide,
  type Session,
  type SessionStatus,
  type Stale,
  tell,
  without,
} from './company.ts'
import type { ErrorCode } from './errors.ts'
import { maskPhone } from './phone.ts'

/** Which session a host speaks of, and as whom. */
export type SessionRef = { readonly generation: string; readonly owner: Owner }

const isCurrent = (state: CompanyState, ref: SessionRef): boolean =>
  state.credentials?.generation === ref.generation && state.epoch <= ref.owner.epoch

/** The session is open with its keys stored (R42). An attempt that was waiting for just this is done. */
export function sessionConnected(state: CompanyState, ref: SessionRef, now: number): Decision<'connected' | Stale> {
  if (!isCurrent(state, ref)) return decide(state, 'stale')
  const { attempt, credentials } = state
  const isAwaited = attempt?.state === 'restarting' || (attempt?.state === 'connecting' && attempt.awaitsSession)
  const session: Session = { ...enter(state, 'connected', ref.owner, now), connectedAt: now }
  // Who asked without naming a phone has not shown that it knows it.
  const isNamed = !isAwaited || attempt.phone !== undefined
  const connected: CompanyEvent = {
    event: 'whatsapp-connected',
    ...(credentials?.phone && { phone: isNamed ? credentials.phone : maskPhone(credentials.phone) }),
    ...(isAwaited && { attemptId: attempt.attemptId }),
  }
  const next = { ...state, epoch: ref.owner.epoch, session }
  if (!isAwaited) {
    const notices = state.session?.status === 'connected' ? [] : [tell(connected)]
    return decide(next, 'connected', notices)
  }
  const { attemptId, method, waiting } = attempt
  const lastAttempt: AttemptOutcome = { attemptId, method, state: 'connected', at: now }
  const unanswered = waiting.filter(({ isAnswered }) => !isAnswered)
  return decide({ ...without(next, 'attempt'), lastAttempt }, 'connected', [tell(connected, unanswered)])
}

/** The session is down for now and will be tried again. */
export function sessionInterrupted(
  state: CompanyState,
  ref: SessionRef,
  code: ErrorCode,
  now: number,
): Decision<'reconnecting' | Stale> {
  if (!isCurrent(state, ref)) return decide(state, 'stale')
  const wasConnected = state.session?.status === 'connected'
  const isPairing = state.attempt?.state === 'restarting'
  const session: Session = { ...enter(state, isPairing ? 'connecting' : 'reconnecting', ref.owner, now), error: code }
  const notices = wasConnected ? [tell({ event: 'whatsapp-disconnected', code, willReconnect: true })] : []
  return decide({ ...state, epoch: ref.owner.epoch, session }, 'reconnecting', notices)
}

/** WhatsApp has ended the session: `retire` says whether the credentials are void (401) or kept (restricted, outdated). */
export function sessionEnded(
  state: CompanyState,
  ref: SessionRef,
  end: { readonly code: ErrorCode; readonly retire: boolean },
  now: number,
): Decision<'ended' | Stale> {
  if (!isCurrent(state, ref)) return decide(state, 'stale')
  const isPairing = state.attempt?.state === 'restarting'
  const failed = isPairing ? endAttempt(state, { code: end.code }, 'failed', now) : decide(state, undefined)
  const status: SessionStatus = end.retire ? 'logged-out' : 'stopped'
  const kept = end.retire ? retire(failed.state, 'logged-out', now) : failed.state
  const session: Session = { ...enter(state, status, ref.owner, now), error: end.code }
  const notices = [
    ...failed.notices,
    ...(isPairing ? [] : [tell({ event: 'whatsapp-disconnected', code: end.code, willReconnect: false })]),
  ]
  // A link that ended with its attempt leaves nothing to describe.
  const next = isPairing && !kept.credentials ? kept : { ...kept, session }
  return decide({ ...next, epoch: ref.owner.epoch }, 'ended', notices)
}

/** Stored credentials that cannot be read: retired and reported; the company pairs afresh when it next asks (R9). */
export function credentialsUnreadable(state: CompanyState, ref: SessionRef, now: number): Decision<'retired' | Stale> {
  if (!isCurrent(state, ref)) return decide(state, 'stale')
  if (state.attempt?.state === 'restarting') {
    const failed = endAttempt(state, { code: 'CREDENTIALS_CONFLICT' }, 'failed', now)
    return decide({ ...failed.state, epoch: ref.owner.epoch }, 'retired', failed.notices)
  }
  const retired = retire(state, 'corrupt', now)
  const session: Session = { ...enter(state, 'logged-out', ref.owner, now), error: 'CREDENTIALS_CONFLICT' }
  const told = tell({ event: 'whatsapp-disconnected', code: 'CREDENTIALS_CONFLICT', willReconnect: false })
  return decide({ ...retired, epoch: ref.owner.epoch, session }, 'retired', [told])
}

/**
 * A host has taken the company's shard over: from here on its predecessor is refused. What only the predecessor's
 * sockets could have finished has failed; a link that was installed lives on (R6, R28).
 */
export function adoptCompany(state: CompanyState, owner: Owner, now: number): Decision<'adopted' | Stale> {
  if (state.epoch > owner.epoch) return decide(state, 'stale')
  const adopted = adoptAttempt(state, owner, now)
  const session = adopted.state.session
  const held: CompanyState =
    session && isTriedAgain(session)
      ? { ...adopted.state, session: enter(adopted.state, statusOnAdoption(session), owner, now) }
      : adopted.state
  return decide({ ...held, epoch: owner.epoch }, 'adopted', adopted.notices)
}

/**
 * A new owner may be a newer build, so that a refused version is tried once more. Other stopped sessions wait for
 * somebody: a request for a code pairs afresh, a reset forgets them (R9).
 */
const isTriedAgain = ({ status, error }: Session): boolean =>
  status === 'stopped' ? error === 'CLIENT_OUTDATED' : status !== 'logged-out'

const statusOnAdoption = (session: Session): SessionStatus =>
  session.status === 'connecting' ? 'connecting' : 'reconnecting'

function adoptAttempt(state: CompanyState, owner: Owner, now: number): Decision<void> {
  const { attempt } = state
  if (!attempt || attempt.state === 'requested' || attempt.owner.epoch === owner.epoch) return decide(state, undefined)
  if (attempt.state !== 'restarting') return endAttempt(state, { code: 'HOST_UNAVAILABLE' }, 'failed', now)
  const moved: Attempt = { ...attempt, owner, connectBy: now + attemptTimes.connectMs }
  return decide({ ...state, attempt: moved }, undefined)
}

/** The generation that the reset has retired, if there was one. */
export type ResetOutcome = { readonly retired?: string }

/**
 * Forgets everything stored, by one write (R7). A running attempt ends as `PAIRING_CANCELLED`; whoever asked is answered
 * when the device has been unlinked, or at once when there is nothing to unlink.
 */
export function resetCredentials(
  state: CompanyState,
  waiting: readonly Waiting[],
  now: number,
): Decision<ResetOutcome> {
  const ended = endAttempt(state, { code: 'PAIRING_CANCELLED' }, 'cancelled', now)
  const raised: CompanyState = { ...ended.state, fence: ended.state.fence + 1 }
  const reset = without(retire(raised, 'reset', now), 'session')
  const retired = reset.cleanup.length > state.cleanup.length ? reset.cleanup.at(-1) : undefined
  const outcome: ResetOutcome = retired ? { retired: retired.generation } : {}
  // A second reset while the device is still being removed waits for the same answer.
  const isAwaited = retired ? retired.unlink === 'pending' : reset.cleanup.at(-1)?.answerBy !== undefined
  if (isAwaited) return decide(awaitUnlink(reset, waiting, now), outcome, ended.notices)
  const nothing = {
    ...answer({ event: 'credentials-reset', unlinked: 'not-linked' }, waiting),
    audience: 'company' as const,
  }
  return decide(reset, outcome, [...ended.notices, nothing])
}

function enter(state: CompanyState, status: SessionStatus, owner: Owner, now: number): Session {
  const { session } = state
  const since = session?.status === status ? session.since : now
  const connectedAt = session?.connectedAt
  // Whoever takes the session over has not mended it: the last error stands until it is connected.
  const error = status === 'connected' ? undefined : session?.error
  return {
    status,
    since,
    epoch: owner.epoch,
    hostId: owner.hostId,
    ...(error && { error }),
    ...(connectedAt !== undefined && { connectedAt }),
  }
}
