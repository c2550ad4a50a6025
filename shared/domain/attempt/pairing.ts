/** The attempt's state machine (requirements, "Attempts"), from a request to a code and to the answer of the phone. */
import {
  type Attempt,
  attemptTimes,
  isExpiryReported,
  type Method,
  type Shown,
  type Waiting,
} from '../company/attempt.ts'
import {
  type AttemptRef,
  answer,
  type CompanyState,
  type Decision,
  decision,
  isEnded,
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
import { endAttempt } from './attempt-end.ts'
import { progress, shownEvents, startedEvent } from './attempt-events.ts'
import { isSharedStop, pairingRefusal } from './refusal.ts'

/** Limit of the requests that wait on one attempt. A stuck client repeats itself this often, a person does not. */
export const maxWaiting = 50

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
  return decision({ ...ended.state, fence, attempt: started }, { kind: 'started', attempt: started }, notices)
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
  const waiting = [request.waiting]
  const known = attempt.waiting.some((other) => isSameRequest(other, waiting[0]))
  if (!known && attempt.waiting.length >= maxWaiting) return decision(state, { kind: 'crowded' })
  const joined = known ? attempt : { ...attempt, waiting: [...attempt.waiting, ...waiting] }
  const notices = [
    answer(startedEvent(attempt), waiting),
    ...shownEvents(attempt).map((event) => answer(event, waiting)),
  ]
  return decision(known ? state : { ...state, attempt: joined }, { kind: 'joined', attempt: joined }, notices)
}

const isSameRequest = (a: Waiting, b: Waiting | undefined): boolean =>
  a.connectionId === b?.connectionId && a.requestId === b.requestId

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
    ...without(attempt, 'ticket'),
    state: 'connecting',
    owner: ref.owner,
    awaitsSession,
    ...(credentials && policy === 'replace' && mayReplace(state, attempt) && { replaces: credentials.generation }),
  }
  return decision({ ...state, epoch: ref.owner.epoch, attempt: accepted }, awaitsSession ? 'awaitSession' : 'pair')
}

/**
 * True when a code for this phone may retire the stored credentials: they are of another phone, and their session is not
 * stopped for a reason that may be nobody's wish. Those go only with the new link (R8).
 */
const mayReplace = ({ credentials, session }: CompanyState, { phone }: Pick<Attempt, 'phone'>): boolean =>
  differs(credentials?.phone, phone) && !(session && isSharedStop(session))

/** True when the requested phone is linked and its session usable: no code is needed (R9). */
export const isLinked = ({ credentials, session }: CompanyState, { phone }: Pick<Attempt, 'phone'>): boolean =>
  credentials !== undefined && !isEnded(session) && !differs(credentials.phone, phone)

const isSame = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && samePhone(a, b)

/** A host has no capacity: ends the attempt before it is accepted, so that nothing stored is retired (R8, R44). */
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

/** The awaited session is unusable: the attempt pairs afresh. The stored credentials stay until the new link (R9). */
export function restartPairing(state: CompanyState, ref: AttemptRef): Decision<'pair' | Stale> {
  const attempt = ownAttempt(state, ref)
  if (attempt?.state !== 'connecting' || !attempt.awaitsSession) return decision(state, 'stale')
  return decision({ ...state, attempt: { ...attempt, awaitsSession: false } }, 'pair')
}

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
    ...without(attempt as Attempt & { awaitsSession?: boolean }, 'awaitsSession'),
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

/** Cancels the attempt, if there is one, and raises the fence. Requests that still wait for a code get an answer. */
export function cancelPairing(state: CompanyState, waiting: readonly Waiting[], now: number): Decision<void> {
  const { attempt } = state
  const fence = state.fence + 1
  if (!attempt) return decision({ ...state, fence }, undefined, [answer({ event: 'pairing-cancelled' }, waiting)])
  const ended = endAttempt(state, { code: 'PAIRING_CANCELLED' }, 'cancelled', now)
  const unanswered = hasAnswered(attempt)
    ? []
    : ended.notices.map(({ event, waiting: others }) => answer(event, unansweredOf(others))).filter(hasRecipients)
  const cancelled = notice({ event: 'pairing-cancelled', attemptId: attempt.attemptId }, waiting)
  return decision({ ...ended.state, fence }, undefined, [...unanswered, cancelled])
}

const unansweredOf = (waiting: readonly Waiting[]) => waiting.filter(({ isAnswered }) => !isAnswered)
const hasRecipients = ({ waiting }: Notice): boolean => waiting.length > 0

/** True when all requests of the attempt have their answer. Those that join after the link have none yet. */
const hasAnswered = (attempt: Attempt): boolean => 'shown' in attempt
