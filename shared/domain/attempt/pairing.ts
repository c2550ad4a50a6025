/** The attempt's state machine (requirements, "Attempts"), from a request to a code and to the answer of the phone. */
import {
  type Attempt,
  attemptTimes,
  isExpiryReported,
  isSameRequest,
  type Method,
  maxWaiting,
  type Shown,
  type Waiting,
} from '../company/attempt.ts'
import {
  type AttemptRef,
  answer,
  type CompanyState,
  type Decision,
  decision,
  type Notice,
  notice,
  ownAttempt,
  type Stale,
  without,
} from '../company/company.ts'
import { retireForPhone } from '../company/retirement.ts'
import type { BudgetTicket } from '../values/budget.ts'
import type { Failure } from '../values/errors.ts'
import { differs, samePhone } from '../values/phone.ts'
import { mayReplace } from './acceptance.ts'
import { endAttempt } from './attempt-end.ts'
import { progress, shownEvents, startedEvent } from './attempt-events.ts'
import { withGuard } from './guard.ts'
import { pairingRefusal } from './refusal.ts'

/** A client's request for a code or a QR. */
export type PairingRequest = {
  readonly attemptId: string
  readonly method: Method
  readonly phone?: string
  readonly waiting?: Waiting
  readonly correlationId: string
  /** Epoch ms by which a code must be issued. */
  readonly deadline: number
  /** The code that was taken from the budget for it (R24). */
  readonly ticket?: BudgetTicket
}

/** Outcome of a request; `crowded` when too many requests wait on the attempt. */
export type PairingRequested =
  | { readonly kind: 'started' | 'joined'; readonly attempt: Attempt }
  | { readonly kind: 'crowded' }
  | { readonly kind: 'refused'; readonly failure: Failure }

/**
 * Takes a client's request: joins the running attempt of the same phone (R16), refuses one that a code could not help
 * (R9), or starts one in place of any other.
 */
export function requestPairing(state: CompanyState, request: PairingRequest, now: number): Decision<PairingRequested> {
  const { attempt } = state
  if (attempt && isJoined(attempt, request)) return joinAttempt(state, attempt, request)
  const failure = pairingRefusal(state, request, now)
  if (failure) return decision(state, { kind: 'refused', failure })
  const ended = attempt
    ? endAttempt(state, { code: 'PAIRING_SUPERSEDED' }, 'superseded', now)
    : decision(state, undefined)
  const fence = ended.state.fence + 1
  const { attemptId, method, correlationId, deadline } = request
  const started: Attempt = {
    state: 'requested',
    attemptId,
    fence,
    method,
    correlationId,
    deadline,
    requestedAt: now,
    waiting: request.waiting ? [request.waiting] : [],
    ...(request.phone && { phone: request.phone }),
    ...(request.ticket && { ticket: request.ticket }),
  }
  const notices = [...ended.notices, notice(startedEvent(started), started.waiting)]
  const guarded = withGuard({ ...ended.state, fence, attempt: started }, attemptId, deadline, now)
  return decision(guarded, { kind: 'started', attempt: started }, notices)
}

/** True when the request joins the attempt. It does not join one whose client was told to ask again (R16, R19). */
export const isJoined = (attempt: Attempt, request: Pick<PairingRequest, 'method' | 'phone'>): boolean =>
  !isExpiryReported(attempt) && asksTheSame(attempt, request)

/** After the link only another phone makes another request: a late repeat, by code or QR, must not undo the link. */
function asksTheSame(attempt: Attempt, { method, phone }: Pick<PairingRequest, 'method' | 'phone'>): boolean {
  if (isPastLink(attempt)) return !differs(attempt.phone, phone)
  return attempt.method === method && (attempt.phone === phone || isSame(attempt.phone, phone))
}

const isPastLink = ({ state }: Attempt): boolean => state === 'storing' || state === 'restarting'

function joinAttempt(state: CompanyState, attempt: Attempt, request: PairingRequest): Decision<PairingRequested> {
  if (!request.waiting) return decision(state, { kind: 'joined', attempt })
  const asking = request.waiting
  const waiting = [asking]
  const shown = shownEvents(attempt)
  const isKnown = attempt.waiting.some((other) => isSameRequest(other, asking))
  const isFull = attempt.waiting.length >= maxWaiting
  // A code on screen is the answer: many repeats, of connections that may be gone, must not keep it from the owner.
  const isAnswered = shown.some(({ event }) => event === 'pairing-code' || event === 'qr')
  if (!isKnown && isFull && !isAnswered) return decision(state, { kind: 'crowded' })
  const joined = isKnown || isFull ? attempt : { ...attempt, waiting: [...attempt.waiting, ...waiting] }
  const notices = [startedEvent(attempt), ...shown].map((event) => answer(event, waiting))
  return decision(
    joined === attempt ? state : { ...state, attempt: joined },
    { kind: 'joined', attempt: joined },
    notices,
  )
}

const isSame = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && samePhone(a, b)

type Connecting = Extract<Attempt, { state: 'connecting' }>

/**
 * WhatsApp has accepted the code, or has sent a QR: shows it to the owner (R17, R19). A newer QR replaces the last. Stored
 * credentials of another phone are retired only now, and not by a request that got no code (R8).
 */
export function issueCode(
  state: CompanyState,
  ref: AttemptRef,
  issued: { readonly shown: Shown; readonly expiresAt: number; readonly socketUntil: number },
  now: number,
): Decision<'issued' | Stale> {
  const attempt = ownAttempt(state, ref)
  const isNew = attempt?.state === 'connecting' && !attempt.awaitsSession
  const isNextQr = attempt?.state === 'code-issued' && 'qr' in attempt.shown && 'qr' in issued.shown
  if (!attempt || !(isNew || isNextQr)) return decision(state, 'stale')
  const isReplaced = attempt.replaces === state.credentials?.generation && mayReplace(state, attempt)
  const shown: Attempt = {
    ...without(attempt as Partial<Connecting> & Attempt, 'awaitsSession', 'acceptedAt', 'ticket'),
    ...issued,
    state: 'code-issued',
  } as Attempt
  const notices = shownEvents(shown).map((event) => notice(event, attempt.waiting))
  const kept = isReplaced ? retireForPhone(state, now) : state
  return decision({ ...kept, attempt: shown }, 'issued', notices)
}

/** The phone has answered the code: the code does not expire while pair-success is awaited (R18). */
export function phoneAnswered(state: CompanyState, ref: AttemptRef, now: number): Decision<'confirmed' | Stale> {
  const attempt = ownAttempt(state, ref)
  if (attempt?.state !== 'code-issued' && attempt?.state !== 'expired' && attempt?.state !== 'phone-confirmed')
    return decision(state, 'stale')
  const confirmed: Attempt = {
    ...attempt,
    ...(attempt.state === 'expired' && { isLate: true as const }),
    state: 'phone-confirmed',
    answerBy: now + attemptTimes.answerMs,
  }
  const notices = attempt.state === 'phone-confirmed' ? [] : [progress(attempt, 'phone-confirmed')]
  return decision({ ...state, attempt: confirmed }, 'confirmed', notices)
}

/** The host of the attempt reports that it failed. */
export function failAttempt(
  state: CompanyState,
  ref: AttemptRef,
  failure: Failure,
  now: number,
): Decision<'failed' | Stale> {
  return ownAttempt(state, ref)
    ? { ...endAttempt(state, failure, 'failed', now), outcome: 'failed' }
    : decision(state, 'stale')
}

/**
 * Cancels the attempt and raises the fence. Requests that still wait for a code get an answer. Without an attempt there is
 * nothing to change, and only the caller hears of it (R67).
 */
export function cancelPairing(state: CompanyState, waiting: readonly Waiting[], now: number): Decision<void> {
  const { attempt } = state
  if (!attempt)
    return decision(state, undefined, [answer({ event: 'pairing-cancelled' }, waiting)].filter(hasRecipients))
  const ended = endAttempt(state, { code: 'PAIRING_CANCELLED' }, 'cancelled', now)
  const unanswered = hasAnswered(attempt)
    ? []
    : ended.notices.map(({ event, waiting: others }) => answer(event, unansweredOf(others))).filter(hasRecipients)
  const cancelled = notice({ event: 'pairing-cancelled', attemptId: attempt.attemptId }, waiting)
  return decision({ ...ended.state, fence: state.fence + 1 }, undefined, [...unanswered, cancelled])
}

const unansweredOf = (waiting: readonly Waiting[]) => waiting.filter(({ isAnswered }) => !isAnswered)
const hasRecipients = ({ waiting }: Notice): boolean => waiting.length > 0

/** True when all requests of the attempt have their answer. Those that join after the link have none yet. */
const hasAnswered = (attempt: Attempt): boolean => 'shown' in attempt
