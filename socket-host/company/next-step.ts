/**
 * What a host does next about a company: a pure comparison of what stands in its STATE with what runs here. Sockets only
 * change the facts below; every step makes the two agree a little more, so that a step that failed is simply taken again.
 */
import { nextDeadline } from '#shared/domain/attempt/deadlines.ts'
import { type Attempt, attemptTimes, deadlineOf, type Owner, type Shown } from '#shared/domain/company/attempt.ts'
import { nextSweepAt } from '#shared/domain/company/cleanup.ts'
import type { AttemptRef, CompanyState, Retired } from '#shared/domain/company/company.ts'
import type { ErrorCode, Failure } from '#shared/domain/values/errors.ts'
import type { Removal } from '../whatsapp/port.ts'

/** What an attempt's registration socket has come to. */
export type RegistrationFacts = {
  readonly ref: AttemptRef
  /** What the owner is to be shown. */
  readonly offer: { readonly shown: Shown; readonly expiresAt: number; readonly socketUntil: number } | undefined
  /** The phone has answered since it was last reported. */
  readonly hasNewAnswer: boolean
  /** Pair-success has happened. */
  readonly isLinked: boolean
  /** Under which the link is stored; undefined before pair-success. */
  readonly generation: string | undefined
  readonly isClosed: boolean
  readonly failure: Failure | undefined
}

/** What the socket of the stored credentials has come to. */
export type SessionFacts = {
  readonly generation: string
  readonly isOpen: boolean
  /** Set when it will not be tried again. */
  readonly end: { readonly code: ErrorCode; readonly retire: boolean } | 'unreadable' | undefined
  /** Why the last try failed, or the session closed; undefined before the first failure. */
  readonly lastCode: ErrorCode | undefined
}

/** All that runs here for one company. */
export type Running = {
  readonly registration: RegistrationFacts | undefined
  readonly session: SessionFacts | undefined
  /** Unlinkings of retired generations. */
  readonly unlinks: ReadonlyMap<string, { readonly result: Removal | undefined }>
  /** Sweeps of retired generations. */
  readonly sweeps: ReadonlyMap<string, { readonly isDone: boolean }>
}

export type Step =
  | { readonly do: 'adopt' }
  | { readonly do: 'timeOut' }
  | { readonly do: 'closeRegistration' | 'reopenAsSession' }
  /** `retired`: where the link stands in the clean-up list, if it had been noted. */
  | { readonly do: 'unlinkRegistration'; readonly retired: Retired | undefined }
  | { readonly do: 'failAttempt'; readonly ref: AttemptRef; readonly failure: Failure }
  | { readonly do: 'issueCode'; readonly offer: NonNullable<RegistrationFacts['offer']> }
  | { readonly do: 'reportAnswer' | 'prepareLink' | 'commitLink' }
  | { readonly do: 'closeSession'; readonly retired: Retired | undefined }
  | { readonly do: 'endSession'; readonly code: ErrorCode; readonly retire: boolean }
  | { readonly do: 'reportUnreadable' | 'reportConnected' | 'openSession' }
  | { readonly do: 'reportInterrupted'; readonly code: ErrorCode }
  | { readonly do: 'acceptAttempt'; readonly attempt: Attempt }
  | {
      readonly do: 'restartPairing'
      readonly ref: AttemptRef
      readonly reason: 'logged-out' | 'stopped'
      readonly phone: string | undefined
    }
  | { readonly do: 'openRegistration'; readonly attempt: Attempt; readonly ref: AttemptRef }
  | { readonly do: 'startUnlink' | 'startSweep'; readonly retired: Retired }
  | { readonly do: 'reportUnlinked'; readonly generation: string; readonly result: Removal }
  | { readonly do: 'reportSwept'; readonly generation: string }

/** The host, and when it hands the company over (epoch ms; `Infinity` while it stays): what comes too late for that is the heir's. */
export type Myself = { readonly owner: Owner; readonly leavesAt: number }

/** The next step; undefined when STATE and what runs here agree, or when another host rules. */
export function nextStep(state: CompanyState, running: Running, me: Myself, now: number): Step | undefined {
  if (state.epoch > me.owner.epoch) return undefined
  if (state.epoch < me.owner.epoch) return { do: 'adopt' }
  return (
    registrationStep(state, running, me, now) ??
    sessionStep(state, running) ??
    attemptStep(state, running, me, now) ??
    openingStep(state, running, me, now) ??
    cleanupStep(state, running, now) ??
    (isOverdue(state, now) ? { do: 'timeOut' } : undefined)
  )
}

/** Epoch ms at which time alone brings the next step. */
export function requeueAt(state: CompanyState, { sweeps }: Running): number | undefined {
  const idle = state.cleanup.filter(({ unlink, generation }) => unlink !== 'pending' && !sweeps.has(generation))
  const due = idle.map(nextSweepAt)
  const deadline = nextDeadline(state)
  if (deadline !== undefined) due.push(deadline)
  if (isAwaitingSession(state.attempt)) due.push(state.attempt.requestedAt + attemptTimes.sessionMs)
  return due.length > 0 ? Math.min(...due) : undefined
}

const isOverdue = (state: CompanyState, now: number): boolean => {
  const deadline = nextDeadline(state)
  return deadline !== undefined && now >= deadline
}

function registrationStep(
  state: CompanyState,
  { registration, session }: Running,
  me: Myself,
  now: number,
): Step | undefined {
  if (!registration) return undefined
  const { attempt } = state
  const { ref, offer, failure, generation } = registration
  if (generation !== undefined && state.credentials?.generation === generation)
    // A session of the generation that the link replaced leaves first.
    return registration.isClosed && !session ? { do: 'reopenAsSession' } : undefined
  if (!attempt || !isMine(attempt, me) || attempt.attemptId !== ref.attemptId || attempt.fence !== ref.fence) {
    const retired = state.cleanup.find((each) => each.generation === generation)
    const mustUnlink = registration.isLinked && (!retired || retired.unlink === 'pending')
    return mustUnlink ? { do: 'unlinkRegistration', retired } : { do: 'closeRegistration' }
  }
  if (failure) return { do: 'failAttempt', ref, failure }
  if (offer && canShow(attempt, offer.shown)) return { do: 'issueCode', offer }
  if (registration.hasNewAnswer && 'shown' in attempt) return { do: 'reportAnswer' }
  if (!registration.isLinked) return undefined
  if (attempt.state !== 'storing') return { do: 'prepareLink' }
  // A store that keeps refusing must not keep the attempt from its end; while not even the note succeeds, the watchdog ends it.
  return now >= deadlineOf(attempt) ? { do: 'timeOut' } : { do: 'commitLink' }
}

function canShow(attempt: Attempt, shown: Shown): boolean {
  if (attempt.state === 'connecting') return !attempt.awaitsSession
  return attempt.state === 'code-issued' && 'qr' in shown && 'qr' in attempt.shown && attempt.shown.qr !== shown.qr
}

function sessionStep(state: CompanyState, { session }: Running): Step | undefined {
  if (!session) return undefined
  if (session.generation !== state.credentials?.generation) {
    const retired = state.cleanup.find((each) => each.generation === session.generation && each.unlink === 'pending')
    return { do: 'closeSession', retired }
  }
  if (session.end === 'unreadable') return { do: 'reportUnreadable' }
  if (session.end) return { do: 'endSession', ...session.end }
  const isReported = state.session?.status === 'connected'
  if (session.isOpen) return isReported && !isAwaited(state.attempt) ? undefined : { do: 'reportConnected' }
  const code = isReported ? (session.lastCode ?? 'WHATSAPP_UNAVAILABLE') : newReason(state, session)
  return code && { do: 'reportInterrupted', code }
}

/** Why a session does not come up, once per reason and not once per try; a link that restarts has an attempt to tell of it. */
const newReason = ({ session, attempt }: CompanyState, { lastCode }: SessionFacts): ErrorCode | undefined =>
  lastCode === session?.error || attempt?.state === 'restarting' ? undefined : lastCode

const isAwaited = (attempt: Attempt | undefined): boolean =>
  attempt?.state === 'restarting' || isAwaitingSession(attempt)

/** The phone is linked already; all that the attempt waits for is its session (R9). */
const isAwaitingSession = (attempt: Attempt | undefined): attempt is Extract<Attempt, { state: 'connecting' }> =>
  attempt?.state === 'connecting' && attempt.awaitsSession

function attemptStep(state: CompanyState, running: Running, me: Myself, now: number): Step | undefined {
  const { attempt } = state
  if (!attempt || running.registration) return undefined
  if (attempt.state === 'requested') {
    if (now >= deadlineOf(attempt)) return { do: 'timeOut' }
    // Its code might come when the host has left: the heir has more time for it.
    return attempt.deadline > me.leavesAt ? undefined : { do: 'acceptAttempt', attempt }
  }
  if (!isMine(attempt, me) || attempt.state === 'restarting') return undefined
  const { attemptId, fence, owner } = attempt
  const ref: AttemptRef = { attemptId, fence, owner }
  if (attempt.state !== 'connecting') return { do: 'failAttempt', ref, failure: { code: 'WHATSAPP_UNAVAILABLE' } }
  if (!attempt.awaitsSession) return { do: 'openRegistration', attempt, ref }
  const { phone } = attempt
  if (!state.credentials) return { do: 'restartPairing', ref, reason: 'logged-out', phone }
  if (state.session?.status === 'stopped') return { do: 'restartPairing', ref, reason: 'stopped', phone }
  if (now < attempt.requestedAt + attemptTimes.sessionMs) return undefined
  return { do: 'failAttempt', ref, failure: { code: 'WHATSAPP_UNAVAILABLE' } }
}

const isMine = (attempt: Attempt, me: Myself): boolean =>
  attempt.state !== 'requested' && attempt.owner.epoch === me.owner.epoch

function openingStep(state: CompanyState, running: Running, me: Myself, now: number): Step | undefined {
  if (!state.credentials || running.session || now >= me.leavesAt) return undefined
  // A link that has just been installed is still on its registration socket.
  if (running.registration?.generation === state.credentials.generation) return undefined
  return state.session?.status === 'stopped' ? undefined : { do: 'openSession' }
}

function cleanupStep(state: CompanyState, { unlinks, sweeps }: Running, now: number): Step | undefined {
  // Also of a device that was given up in the meantime: what is kept of it here must go (R13).
  for (const [generation, { result }] of unlinks) if (result) return { do: 'reportUnlinked', generation, result }
  for (const retired of state.cleanup) {
    const step = retired.unlink === 'pending' ? unlinkStep(retired, unlinks) : sweepStep(retired, sweeps, now)
    if (step) return step
  }
  return undefined
}

const unlinkStep = (retired: Retired, unlinks: Running['unlinks']): Step | undefined =>
  unlinks.has(retired.generation) ? undefined : { do: 'startUnlink', retired }

/** Not before the unlinker, which reads these rows, is through. */
function sweepStep(retired: Retired, sweeps: Running['sweeps'], now: number): Step | undefined {
  const sweep = sweeps.get(retired.generation)
  if (sweep) return sweep.isDone ? { do: 'reportSwept', generation: retired.generation } : undefined
  return now >= nextSweepAt(retired) ? { do: 'startSweep', retired } : undefined
}
