/** Carries out the steps of a company. Each step writes one decision, or starts or ends one thing on this host. */
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { commitLink, prepareLink } from '#shared/domain/attempt/link.ts'
import {
  acceptAttempt,
  failAttempt,
  isLinked,
  issueCode,
  phoneAnswered,
  rejectBusy,
  restartPairing,
} from '#shared/domain/attempt/pairing.ts'
import type { Attempt } from '#shared/domain/company/attempt.ts'
import { swept, unlinkFinished } from '#shared/domain/company/cleanup.ts'
import type { AttemptRef, CompanyState, Transition } from '#shared/domain/company/company.ts'
import { adoptCompany } from '#shared/domain/session/adoption.ts'
import {
  credentialsUnreadable,
  sessionConnected,
  sessionEnded,
  sessionInterrupted,
} from '#shared/domain/session/session.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import { unreachable } from '#shared/domain/values/result.ts'
import { startSweep, startUnlink, unlinkRegistration } from './cleanup.ts'
import { type CompanyContext, storedGeneration } from './context.ts'
import type { Step } from './next-step.ts'
import { openRegistration, type Registration } from './registration.ts'
import { keepSession } from './session.ts'

/** Takes one step and returns the state that it led to. Rejects when it failed; the next pass chooses it again. */
export async function takeStep(ctx: CompanyContext, step: Step, state: CompanyState): Promise<CompanyState> {
  const owner = ownerOf(ctx)
  const session = { generation: state.credentials?.generation ?? '', owner }
  const forgetSession = ({ credentials }: CompanyState) => {
    const { registration } = ctx.running
    ctx.running.session = undefined
    // The end of an old session that `keep-until-linked` has kept must not make the new link stale: this host has
    // reported it itself (R8, R15).
    if (!credentials && registration?.seenGeneration === session.generation) registration.seenGeneration = undefined
  }
  switch (step.do) {
    case 'adopt':
      return write(ctx, (s, now) => adoptCompany(s, owner, now))
    case 'timeOut':
      return write(ctx, timeOut)
    case 'acceptAttempt':
      return accept(ctx, step.attempt, state)
    case 'openRegistration':
      return beginPairing(ctx, step.attempt, step.ref, state)
    case 'restartPairing':
      return chargeAndRestart(ctx, step)
    case 'issueCode':
      return withRegistration(ctx, state, ({ ref }) => write(ctx, (s) => issueCode(s, ref, step.offer)))
    case 'reportAnswer':
      return withRegistration(ctx, state, (registration) => reportAnswer(ctx, registration))
    case 'prepareLink':
      return withRegistration(ctx, state, (registration) => prepare(ctx, registration))
    case 'commitLink':
      return withRegistration(ctx, state, (registration) => commit(ctx, registration, state))
    case 'failAttempt':
      return write(ctx, (s, now) => failAttempt(s, step.ref, step.failure, now))
    case 'closeRegistration':
      return withRegistration(ctx, state, (registration) => closeRegistration(ctx, registration, state))
    case 'unlinkRegistration':
      return withRegistration(ctx, state, (registration) => unlinkRegistration(ctx, registration, step.retired, state))
    case 'reopenAsSession':
    case 'openSession':
      return openSession(ctx, state)
    case 'closeSession':
      return closeSession(ctx, step, state)
    case 'endSession':
      return write(ctx, (s, now) => sessionEnded(s, session, step, now), forgetSession)
    case 'reportUnreadable':
      return write(ctx, (s, now) => credentialsUnreadable(s, session, now), forgetSession)
    case 'reportConnected':
      return write(ctx, (s, now) => sessionConnected(s, session, now))
    case 'reportInterrupted':
      return write(ctx, (s, now) => sessionInterrupted(s, session, step.code, now))
    case 'startUnlink':
      return startUnlink(ctx, step.retired, {}, state)
    case 'reportUnlinked':
      return write(
        ctx,
        (s) => unlinkFinished(s, step.generation, step.result),
        () => {
          ctx.running.unlinks.delete(step.generation)
        },
      )
    case 'startSweep':
      return startSweep(ctx, step.retired, state)
    case 'reportSwept':
      return write(
        ctx,
        (s) => swept(s, step.generation),
        () => {
          ctx.running.sweeps.delete(step.generation)
        },
      )
    default:
      return unreachable(step)
  }
}

const ownerOf = ({ lease }: CompanyContext) => ({ hostId: lease.hostId, epoch: lease.epoch })

/** Writes a decision, then calls `settle` to drop what the decision has settled on this host. */
async function write<Outcome>(
  ctx: CompanyContext,
  transition: Transition<Outcome>,
  settle: (state: CompanyState) => void = () => undefined,
): Promise<CompanyState> {
  const { state } = await apply(ctx, transition)
  settle(state)
  return state
}

const apply = <Outcome>({ decisions, correlationId }: CompanyContext, transition: Transition<Outcome>) =>
  decisions.applyAsOwner(transition, correlationId())

async function withRegistration(
  { running }: CompanyContext,
  state: CompanyState,
  act: (registration: Registration) => Promise<CompanyState>,
): Promise<CompanyState> {
  return running.registration ? act(running.registration) : state
}

/** Accepts an attempt, or rejects it as busy before anything stored changes (R8, R44). Linked phones are exempt. */
async function accept(ctx: CompanyContext, attempt: Attempt, seen: CompanyState): Promise<CompanyState> {
  const { deps, decisions, running } = ctx
  const { attemptId, fence, correlationId, method } = attempt
  const ref: AttemptRef = { attemptId, fence, owner: ownerOf(ctx) }
  const needsNoCode = isLinked(seen, attempt)
  const admission = needsNoCode ? 'admitted' : deps.pacing.admitAttempt(attempt.deadline - deps.time.now())
  if (admission !== 'admitted') return write(ctx, (s, now) => rejectBusy(s, ref, admission.retryAfter, now))
  const { phoneChangePolicy } = deps.settings
  const { state, outcome } = await decisions.applyAsOwner(
    (s, now) => acceptAttempt(s, ref, phoneChangePolicy, now),
    correlationId,
  )
  deps.log.info('Attempt acceptance decided', { companyId: ctx.companyId, attemptId, correlationId, method, outcome })
  if (outcome === 'awaitSession') running.session?.hurry()
  return state
}

/**
 * Restarts the pairing of a phone whose session has ended. The request was free because the phone was linked; the code
 * that it needs now is charged to the budget (R24).
 */
async function chargeAndRestart(
  ctx: CompanyContext,
  { ref, reason, phone }: Extract<Step, { do: 'restartPairing' }>,
): Promise<CompanyState> {
  const taken = await ctx.deps.budget.take(ctx.companyId, phone)
  if (taken.ok) return write(ctx, (s, now) => restartPairing(s, ref, reason, now))
  const failure: Failure = { code: 'RATE_LIMITED', ...taken.error }
  return write(ctx, (s, now) => failAttempt(s, ref, failure, now))
}

async function beginPairing(
  ctx: CompanyContext,
  attempt: Attempt,
  ref: AttemptRef,
  state: CompanyState,
): Promise<CompanyState> {
  const seenGeneration = state.credentials?.generation
  const request = { companyId: ctx.companyId, attempt, ref, seenGeneration }
  ctx.running.registration = openRegistration(ctx.deps, ctx.lease, request, ctx.wake)
  return state
}

async function reportAnswer(ctx: CompanyContext, registration: Registration): Promise<CompanyState> {
  const { state, outcome } = await apply(ctx, (s, now) => phoneAnswered(s, registration.ref, now))
  if (outcome !== 'notOwner') registration.answerReported()
  return state
}

/**
 * Names the link in STATE before any of it is stored (R7, R11). A stale outcome fails the registration; an attempt that
 * is still this host's would otherwise be prepared again and again.
 */
async function prepare(ctx: CompanyContext, registration: Registration): Promise<CompanyState> {
  const { ref, seenGeneration } = registration
  const link = { ...(await registration.link()), ...(seenGeneration && { seenGeneration }) }
  const { state, outcome } = await apply(ctx, (s, now) => prepareLink(s, ref, link, now))
  if (outcome === 'stale') registration.fail({ code: 'CREDENTIALS_CONFLICT' })
  return state
}

/**
 * Stores the linked credentials, then makes them current (R6). If either is refused, the registration fails: the next
 * steps end the attempt, which retires the prepared link, and unlink the device.
 */
async function commit(ctx: CompanyContext, registration: Registration, state: CompanyState): Promise<CompanyState> {
  const { ref, seenGeneration } = registration
  const { generation } = await registration.link()
  if ((await registration.store()) === 'fenced') {
    registration.fail({ code: 'HOST_UNAVAILABLE' })
    return state
  }
  const link = { generation, ...(seenGeneration && { seenGeneration }) }
  const { state: next, outcome } = await apply(ctx, (s, now) => commitLink(s, ref, link, now))
  const about = { companyId: ctx.companyId, attemptId: ref.attemptId, generation, outcome }
  ctx.deps.log.info('Link commit decided', { ...about, correlationId: ctx.correlationId() })
  // The attempt or the credentials have changed. If this link is current after all (the answer of an earlier try was
  // lost), the next step sees that before it sees the failure.
  if (outcome === 'stale') registration.fail({ code: 'CREDENTIALS_CONFLICT' })
  return next
}

async function closeRegistration(
  ctx: CompanyContext,
  registration: Registration,
  state: CompanyState,
): Promise<CompanyState> {
  ctx.running.registration = undefined
  await registration.close()
  return state
}

/** Opens the session, with the credentials of a link that has just been committed or else with the stored ones. */
async function openSession(ctx: CompanyContext, state: CompanyState): Promise<CompanyState> {
  const { running, deps, lease, companyId, wake } = ctx
  if (!state.credentials) return state
  const stored = storedGeneration(companyId, state.credentials)
  const { registration } = running
  const linked = registration?.facts().generation === stored.generation ? registration : undefined
  if (linked) running.registration = undefined
  running.session = keepSession(deps, lease, stored, linked?.credentials, wake)
  if (state.attempt?.state === 'connecting') running.session.hurry()
  return state
}

/** Closes a session that is no longer current. An open socket is first used to unlink the device if need be. */
async function closeSession(
  ctx: CompanyContext,
  { retired }: Extract<Step, { do: 'closeSession' }>,
  state: CompanyState,
): Promise<CompanyState> {
  const { session } = ctx.running
  ctx.running.session = undefined
  const socket = retired && session?.takeSocket()
  if (retired && socket) return startUnlink(ctx, retired, { socket }, state)
  await session?.close()
  return state
}
