/**
 * Chooses the next step of a company: a pure function that compares the company's STATE with what runs on this host.
 * Each step brings the two closer together. Events of sockets start no step themselves; they only change the facts
 * below. A step that failed is therefore chosen again on the next pass, as long as it is still needed.
 */
import { isLinked } from '#shared/domain/attempt/acceptance.ts'
import { nextDeadline } from '#shared/domain/attempt/deadlines.ts'
import { isSharedStop, pairingRefusal, secondsTo, sharedReason } from '#shared/domain/attempt/refusal.ts'
import {
  type Attempt,
  deadlineOf,
  type Owner,
  type Shown,
  sessionAwaitedUntil,
} from '#shared/domain/company/attempt.ts'
import { nextSweepAt } from '#shared/domain/company/cleanup.ts'
import {
  type AttemptRef,
  type CompanyState,
  isEnded,
  type Retired,
  type Session,
} from '#shared/domain/company/company.ts'
import { isSessionAwaited, nextLoginAt, type SessionEnd } from '#shared/domain/session/session.ts'
import type { ErrorCode, Failure } from '#shared/domain/values/errors.ts'
import type { UnlinkResult } from '../whatsapp/port.ts'
import type { Offer, RegistrationFacts } from './registration-facts.ts'
import { adoptingStep, canShowCode, requestStep } from './request-step.ts'
import type { SessionFacts } from './session-facts.ts'

/** Everything that runs on this host for one company. */
export type Running = {
  readonly registration: RegistrationFacts | undefined
  readonly session: SessionFacts | undefined
  /** Unlinks by retired generation; `result` is set when one has finished. */
  readonly unlinks: ReadonlyMap<string, { readonly result: UnlinkResult | undefined }>
  /** Sweeps by retired generation. */
  readonly sweeps: ReadonlyMap<string, { readonly isDone: boolean }>
}

/** One decision about the company, or one thing to start or end on this host. `take-step.ts` carries it out. */
export type Step =
  | { readonly do: 'adopt' }
  | { readonly do: 'timeOut' }
  | { readonly do: 'closeRegistration' | 'reopenAsSession' }
  /** `retired` is the link's entry in the clean-up list; without one the link is rolled back. */
  | { readonly do: 'unlinkRegistration'; readonly retired: Retired | undefined }
  | { readonly do: 'failAttempt'; readonly ref: AttemptRef; readonly failure: Failure }
  | { readonly do: 'issueCode'; readonly offer: Offer }
  | { readonly do: 'reportAnswer' | 'prepareLink' | 'commitLink' }
  /** `retired` is the entry of a device that must still be unlinked. */
  | { readonly do: 'closeSession'; readonly retired: Retired | undefined }
  | { readonly do: 'endSession'; readonly end: SessionEnd }
  | { readonly do: 'reportConnected' | 'openSession' }
  | { readonly do: 'reportInterrupted'; readonly code: ErrorCode }
  | { readonly do: 'acceptAttempt'; readonly attempt: Attempt }
  /** The host leaves, too soon to serve the request, and too late for its successor. `retryAfter` is in seconds. */
  | { readonly do: 'rejectAttempt'; readonly attempt: Attempt; readonly retryAfter: number }
  | { readonly do: 'restartPairing'; readonly ref: AttemptRef; readonly phone: string | undefined }
  | { readonly do: 'openRegistration'; readonly attempt: Attempt; readonly ref: AttemptRef }
  | { readonly do: 'startUnlink' | 'startSweep'; readonly retired: Retired }
  | { readonly do: 'reportUnlinked'; readonly generation: string; readonly result: UnlinkResult }
  | { readonly do: 'reportSwept'; readonly generation: string }

/** The step of that name. */
export type StepOf<D extends Step['do']> = Step & { readonly do: D }

/** This host, as the owner of the company's shard. */
export type ThisHost = {
  readonly owner: Owner
  /** Epoch ms at which it hands the company over at the latest; `Infinity` while no hand-over is planned. */
  readonly handOverAt: number
  /** Epoch ms by which it will have waited for the running attempts of the shard, and can hand it over. */
  readonly leavesAt: number
  /** The session ended for a reason that is not its account's, and may try again (R45). */
  readonly mayTryStopped: boolean
}

/**
 * Returns the next step, or undefined when STATE and this host agree, or when a host of a higher epoch has written. The
 * order is part of the rules: first what runs here is brought in line with STATE (registration, session), then what is
 * missing is started (attempt, session), then the clean-up goes on. A time-out comes last, for what no step has settled;
 * an overdue link that is being stored and an overdue request time out before that, since no other step may follow.
 */
export function nextStep(state: CompanyState, running: Running, host: ThisHost, now: number): Step | undefined {
  // A state of a newer build is left alone: what runs goes on, and nothing is decided (R49a).
  if (state.foreign || state.epoch > host.owner.epoch) return undefined
  if (state.epoch < host.owner.epoch) return adoptingStep(state, running, host, now)
  return (
    registrationStep(state, running, host, now) ??
    sessionStep(state, running) ??
    attemptStep(state, running, host, now) ??
    openingStep(state, running, host, now) ??
    cleanupStep(state, running, now) ??
    (isOverdue(state, now) ? { do: 'timeOut' } : undefined)
  )
}

/** Returns the epoch ms at which time alone makes a new step necessary; undefined when it never does. */
export function requeueAt(
  state: CompanyState,
  { sweeps, session }: Running,
  { owner }: Pick<ThisHost, 'owner'>,
): number | undefined {
  // As in `nextStep`: such a state calls for no step, however late it is. A pass would only come again at once.
  if (state.foreign || state.epoch > owner.epoch) return undefined
  const idle = state.cleanup.filter(({ unlink, generation }) => unlink !== 'pending' && !sweeps.has(generation))
  const due = idle.map(nextSweepAt)
  const deadline = nextDeadline(state)
  if (deadline !== undefined) due.push(deadline)
  if (isAwaitingSession(state.attempt)) due.push(sessionAwaitedUntil(state.attempt))
  const loginAt = session ? undefined : state.session && nextLoginAt(state.session)
  if (loginAt !== undefined) due.push(loginAt)
  return due.length > 0 ? Math.min(...due) : undefined
}

const isOverdue = (state: CompanyState, now: number): boolean => {
  const deadline = nextDeadline(state)
  return deadline !== undefined && now >= deadline
}

function registrationStep(
  state: CompanyState,
  { registration, session }: Running,
  host: ThisHost,
  now: number,
): Step | undefined {
  if (!registration) return undefined
  const { attempt } = state
  const { ref, offer, failure, generation } = registration
  if (generation !== undefined && state.credentials?.generation === generation)
    // The link is current. The session that it replaced closes first. WhatsApp closes the registration socket itself; if
    // it has not done so by the end of the attempt, this host does.
    return (registration.isClosed || attempt?.state !== 'restarting') && !session
      ? { do: 'reopenAsSession' }
      : undefined
  if (!attempt || !isOwnAttempt(attempt, host) || attempt.attemptId !== ref.attemptId || attempt.fence !== ref.fence) {
    const retired = state.cleanup.find((each) => each.generation === generation)
    const mustUnlink = registration.isLinked && (!retired || retired.unlink === 'pending')
    return mustUnlink ? { do: 'unlinkRegistration', retired } : { do: 'closeRegistration' }
  }
  if (failure) return { do: 'failAttempt', ref, failure }
  if (offer && canShow(attempt, offer.shown)) return { do: 'issueCode', offer }
  if (registration.answers > registration.answersReported && 'shown' in attempt) return { do: 'reportAnswer' }
  if (!registration.isLinked) return undefined
  if (attempt.state !== 'storing') return { do: 'prepareLink' }
  // A store that keeps failing must not keep the attempt alive past its deadline. If even `prepareLink` keeps failing,
  // the watchdog ends the attempt.
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
  const { phase } = session
  if (phase.is === 'ended') return { do: 'endSession', end: phase.end }
  const isReported = state.session?.status === 'connected'
  if (phase.is === 'open') return isReported && !isSessionAwaited(state) ? undefined : { do: 'reportConnected' }
  const code = isReported ? (session.lastCode ?? 'WHATSAPP_UNAVAILABLE') : newReason(state, session)
  return code && { do: 'reportInterrupted', code }
}

/**
 * Returns why the session does not open, once per reason and not once per try. Returns undefined while a new link
 * restarts: its attempt reports failures then. A session that has ended is told as ended until it connects, whatever
 * becomes of a try in between.
 */
const newReason = ({ session, attempt }: CompanyState, { lastCode }: SessionFacts): ErrorCode | undefined =>
  lastCode === session?.error || attempt?.state === 'restarting' || isEnded(session) ? undefined : lastCode

/** True when the requested phone is already linked, and the attempt only waits for its session (R9). */
const isAwaitingSession = (attempt: Attempt | undefined): attempt is Extract<Attempt, { state: 'connecting' }> =>
  attempt?.state === 'connecting' && attempt.awaitsSession

function attemptStep(state: CompanyState, running: Running, host: ThisHost, now: number): Step | undefined {
  const { attempt } = state
  if (!attempt || running.registration) return undefined
  if (attempt.state === 'requested') return requestStep(state, attempt, host, now)
  if (!isOwnAttempt(attempt, host) || attempt.state === 'restarting') return undefined
  const { attemptId, fence, owner } = attempt
  const ref: AttemptRef = { attemptId, fence, owner }
  if (attempt.state !== 'connecting') return { do: 'failAttempt', ref, failure: { code: 'WHATSAPP_UNAVAILABLE' } }
  if (!attempt.awaitsSession) return { do: 'openRegistration', attempt, ref }
  const { phone } = attempt
  const refusal = pairingRefusal(state, attempt, now)
  if (refusal) return { do: 'failAttempt', ref, failure: refusal }
  if (!isLinked(state, attempt)) {
    const failure: Failure = { code: 'BUSY', retryAfter: secondsTo(host.leavesAt, now) }
    return canShowCode(attempt, host) ? { do: 'restartPairing', ref, phone } : { do: 'failAttempt', ref, failure }
  }
  if (now < sessionAwaitedUntil(attempt)) return undefined
  return { do: 'failAttempt', ref, failure: { code: 'WHATSAPP_UNAVAILABLE' } }
}

const isOwnAttempt = (attempt: Attempt, host: ThisHost): boolean =>
  attempt.state !== 'requested' && attempt.owner.epoch === host.owner.epoch

function openingStep(state: CompanyState, running: Running, host: ThisHost, now: number): Step | undefined {
  if (!state.credentials || running.session || now >= host.handOverAt) return undefined
  // A link that has just been committed still has its registration socket open.
  if (running.registration?.generation === state.credentials.generation) return undefined
  return isTried(state.session, host, now) ? { do: 'openSession' } : undefined
}

/** True for a session that its host keeps open, and for one that has ended when its time to log in again has come. */
function isTried(session: Session | undefined, { mayTryStopped, owner }: ThisHost, now: number): boolean {
  if (!session || !isEnded(session)) return true
  // This host has not tried it yet, and may be a newer build than the one that has stopped it.
  const mayBeMended = isSharedStop(session) || session.error === 'CREDENTIALS_CONFLICT'
  if (mayBeMended && session.status === 'stopped' && session.epoch < owner.epoch) return true
  if (mayTryStopped && sharedReason(session)) return true
  const at = isSharedStop(session) ? undefined : nextLoginAt(session)
  return at !== undefined && now >= at
}

function cleanupStep(state: CompanyState, { unlinks, sweeps }: Running, now: number): Step | undefined {
  // Reported even if STATE no longer waits for the result: the report also drops the credentials kept here (R13).
  for (const [generation, { result }] of unlinks) if (result) return { do: 'reportUnlinked', generation, result }
  for (const retired of state.cleanup) {
    const step = retired.unlink === 'pending' ? unlinkStep(retired, unlinks) : sweepStep(retired, sweeps, now)
    if (step) return step
  }
  return undefined
}

const unlinkStep = (retired: Retired, unlinks: Running['unlinks']): Step | undefined =>
  unlinks.has(retired.generation) ? undefined : { do: 'startUnlink', retired }

/** Sweeps when the next sweep is due. Only called once STATE no longer waits for the unlink, which reads the same rows. */
function sweepStep(retired: Retired, sweeps: Running['sweeps'], now: number): Step | undefined {
  const sweep = sweeps.get(retired.generation)
  if (sweep) return sweep.isDone ? { do: 'reportSwept', generation: retired.generation } : undefined
  return now >= nextSweepAt(retired) ? { do: 'startSweep', retired } : undefined
}
