/** Transitions of the linked session, which its host reports (R42). */
import { endAttempt } from '../attempt/attempt-end.ts'
import { secondsTo } from '../attempt/refusal.ts'
import type { AttemptOutcome, Owner } from '../company/attempt.ts'
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
import { toldLoggedOut } from '../company/logged-out.ts'
import { retireRemoved } from '../company/retirement.ts'
import type { ErrorCode } from '../values/errors.ts'
import { maskPhone, samePhone } from '../values/phone.ts'

/** A host's reference to the session that it runs. */
export type SessionRef = { readonly generation: string; readonly owner: Owner }

const isCurrent = (state: CompanyState, ref: SessionRef): boolean =>
  state.credentials?.generation === ref.generation && state.epoch <= ref.owner.epoch

/** The session is connected and its keys are stored (R42). An attempt that waited for it ends as `connected`. */
export function sessionConnected(state: CompanyState, ref: SessionRef, now: number): Decision<'connected' | Stale> {
  if (!isCurrent(state, ref)) return decision(state, 'stale')
  const { attempt, credentials } = state
  const isAwaited = isSessionAwaited(state)
  const entered = without(enter(state, 'connected', ref.owner, now), ...ofTheEnd)
  const session: Session = { ...entered, connectedAt: now }
  // A client that named no phone has not proved that it knows the number: mask it.
  const isNamed = !isAwaited || attempt?.phone !== undefined
  const connected: CompanyEvent = {
    event: 'whatsapp-connected',
    ...(credentials?.phone && { phone: isNamed ? credentials.phone : maskPhone(credentials.phone) }),
    ...(isAwaited && attempt && { attemptId: attempt.attemptId }),
  }
  const next = { ...state, epoch: ref.owner.epoch, session }
  if (!isAwaited || !attempt) {
    const notices = state.session?.status === 'connected' ? [] : [notice(connected)]
    return decision(next, 'connected', notices)
  }
  const { attemptId, method, waiting } = attempt
  const lastAttempt: AttemptOutcome = { attemptId, method, state: 'connected', at: now }
  // A code on screen was the answer to its requests.
  const unanswered = 'shown' in attempt ? [] : waiting.filter(({ isAnswered }) => !isAnswered)
  return decision({ ...without(next, 'attempt'), lastAttempt }, 'connected', [notice(connected, unanswered)])
}

/**
 * True when the session is what the attempt waits for: its new link; a phone that was linked already; or the phone of an
 * attempt that has only a code so far, and whose old link has come back: its code is void then (R9).
 */
export function isSessionAwaited({ attempt, credentials }: CompanyState): boolean {
  if (!attempt || attempt.state === 'requested' || attempt.state === 'storing') return false
  if (attempt.state === 'restarting' || (attempt.state === 'connecting' && attempt.awaitsSession)) return true
  const { phone } = attempt
  return phone !== undefined && credentials?.phone !== undefined && samePhone(credentials.phone, phone)
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

/** The way in which a session has ended. */
export type SessionEnd = {
  readonly code: ErrorCode
  /**
   * `removed`: WhatsApp has removed the device, and a place at the fuse was taken: the credentials are void (R46).
   * `refused`: WhatsApp has refused the login twice in a row, perhaps for a day only: the credentials are kept.
   * `stopped`: the credentials are kept, and the session waits for what `code` and `until` say (R45, R47, R48).
   */
  readonly how: 'removed' | 'refused' | 'stopped'
  /** Epoch ms at which a restriction ends. */
  readonly until?: number
  /** See `Session`. */
  readonly isAlone?: true
  readonly fuse?: 'removed' | 'refused'
}

/** Fields that say how the session has ended. */
const ofTheEnd = ['until', 'isAlone', 'fuse', 'refusals'] as const

/** Times after the first refusal at which a refused session logs in again (R46); a refusal after the last one is final. */
export const refusalRetriesMs = [3_600_000, 6 * 3_600_000, 25 * 3_600_000] as const

type Refusals = NonNullable<Session['refusals']>

/** Epoch ms of the login that follows the last refusal. */
const dueAt = ({ count, firstAt }: Refusals): number => firstAt + (refusalRetriesMs[count - 1] ?? 0)

/** True when a refusal at `now` (epoch ms) means that the device is gone for good. A login before its time does not count. */
export const isLastRefusal = (session: Session | undefined, now: number): boolean =>
  session?.refusals !== undefined && session.refusals.count >= refusalRetriesMs.length && now >= dueAt(session.refusals)

/** Epoch ms at which a session that is not being retried logs in by itself; undefined when it waits for somebody. */
export function nextLoginAt({ status, until, refusals }: Session): number | undefined {
  if (status === 'stopped') return until
  return status === 'logged-out' && refusals ? dueAt(refusals) : undefined
}

/** Counts a refusal. One of a login that was not due is not counted: a wave of refusals ends with such logins (R45). */
function countRefusal(refusals: Refusals | undefined, now: number): Refusals {
  if (!refusals) return { count: 1, firstAt: now }
  return now >= dueAt(refusals) ? { ...refusals, count: refusals.count + 1 } : refusals
}

/** The session has ended. An attempt that waits for it as its own new link ends with it (R11). */
export function sessionEnded(
  state: CompanyState,
  ref: SessionRef,
  { code, how, until, isAlone, fuse }: SessionEnd,
  now: number,
): Decision<'ended' | Stale> {
  if (!isCurrent(state, ref)) return decision(state, 'stale')
  const isPairing = state.attempt?.state === 'restarting'
  const failed = isPairing
    ? endAttempt(
        state,
        { code, ...(until !== undefined && { action: 'wait' as const, retryAfter: secondsTo(until, now) }) },
        'failed',
        now,
      )
    : decision(state, undefined)
  const known = failed.state.session?.refusals
  const refusals = how === 'refused' ? countRefusal(known, now) : known
  const session: Session = {
    ...without(enter(failed.state, how === 'stopped' ? 'stopped' : 'logged-out', ref.owner, now), ...ofTheEnd),
    error: code,
    ...(until !== undefined && { until }),
    ...(isAlone && { isAlone }),
    ...(fuse && { fuse }),
    ...(refusals && how !== 'removed' && { refusals }),
  }
  const kept = how === 'removed' ? retireRemoved(withReplaced(failed.state, ref), now) : failed.state
  // A session that was told as ended stays ended: a refused try in between is no news.
  const isTold = isSameEnd(state.session, session)
  // An attempt whose new link was removed took it along: no session is left to describe.
  const next = { ...(isPairing && !kept.credentials ? kept : { ...kept, session }), epoch: ref.owner.epoch }
  if (isPairing || isTold) return decision(next, 'ended', failed.notices)
  const told = code === 'LOGGED_OUT' ? toldLoggedOut(next, { code }, now) : { state: next, failure: { code } }
  const event: CompanyEvent = {
    event: 'whatsapp-disconnected',
    ...told.failure,
    willReconnect: false,
    ...(until !== undefined && { until, action: 'wait' as const }),
  }
  return decision(told.state, 'ended', [...failed.notices, notice(event)])
}

const isSameEnd = (before: Session | undefined, { status, error, until }: Session): boolean =>
  before?.status === status && before.error === error && before.until === until

/** Notes in the running attempt that its host has seen the end of the session, so that its link is not stale (R8). */
const withReplaced = (state: CompanyState, { generation }: SessionRef): CompanyState =>
  state.attempt && state.attempt.state !== 'requested'
    ? { ...state, attempt: { ...state.attempt, replaces: generation } }
    : state

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
