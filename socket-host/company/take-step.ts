/** Carries out the steps of a company: each is one decision, or one thing begun or ended here. */
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

/** Takes one step and returns the state that it led to. */
export async function takeStep(ctx: CompanyContext, step: Step, state: CompanyState): Promise<CompanyState> {
  const owner = ownerOf(ctx)
  const session = { generation: state.credentials?.generation ?? '', owner }
  const forgetSession = ({ credentials }: CompanyState) => {
    const { registration } = ctx.running
    ctx.running.session = undefined
    // What this host has seen leave is no surprise to its own attempt: beside a kept session, say (R8, R15).
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
      return withRegistration(ctx, state, (registration) => storeAndCommit(ctx, registration, state))
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

/** Writes a decision, then lets go of what it has settled. */
async function write<Outcome>(
  ctx: CompanyContext,
  transition: Transition<Outcome>,
  settle: (state: CompanyState) => void = () => undefined,
): Promise<CompanyState> {
  const { state } = await ctx.decisions.applyAsOwner(transition, ctx.correlationId())
  settle(state)
  return state
}

async function withRegistration(
  { running }: CompanyContext,
  state: CompanyState,
  act: (registration: Registration) => Promise<CompanyState>,
): Promise<CompanyState> {
  return running.registration ? act(running.registration) : state
}

/** A host that has its hands full says so before anything stored gives way (R8, R44). */
async function accept(ctx: CompanyContext, attempt: Attempt, seen: CompanyState): Promise<CompanyState> {
  const { deps, decisions, running } = ctx
  const { attemptId, fence, correlationId, method } = attempt
  const ref: AttemptRef = { attemptId, fence, owner: ownerOf(ctx) }
  const isFree = isLinked(seen, attempt)
  const admission = isFree ? 'admitted' : deps.pacing.admitAttempt(attempt.deadline - deps.time.now())
  if (admission !== 'admitted') return write(ctx, (s, now) => rejectBusy(s, ref, admission.retryAfter, now))
  const { phoneChangePolicy } = deps.settings
  const { state, outcome } = await decisions.applyAsOwner(
    (s, now) => acceptAttempt(s, ref, phoneChangePolicy, now),
    correlationId,
  )
  deps.log.info('attempt taken on', { companyId: ctx.companyId, attemptId, correlationId, method, outcome })
  if (outcome === 'awaitSession') running.session?.hurry()
  return state
}

/** The request was free, as its phone was linked; the code that it takes now is not (R24). */
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

/** Noted before it is written: an answer that comes meanwhile is another one. */
async function reportAnswer(ctx: CompanyContext, registration: Registration): Promise<CompanyState> {
  const { state, outcome } = await ctx.decisions.applyAsOwner(
    (s, now) => phoneAnswered(s, registration.ref, now),
    ctx.correlationId(),
  )
  if (outcome !== 'notOwner') registration.answerReported()
  return state
}

/**
 * Names the link before any of it is stored (R7). A note that is refused as stale fails the registration: an attempt that
 * still is this host's would otherwise be noted again without end.
 */
async function prepare(ctx: CompanyContext, registration: Registration): Promise<CompanyState> {
  const { ref, seenGeneration } = registration
  const link = { ...(await registration.link()), ...(seenGeneration && { seenGeneration }) }
  const { state, outcome } = await ctx.decisions.applyAsOwner(
    (s, now) => prepareLink(s, ref, link, now),
    ctx.correlationId(),
  )
  if (outcome === 'stale') registration.fail({ code: 'CREDENTIALS_CONFLICT' })
  return state
}

/**
 * Stores what pair-success has brought, then makes it current (R6). A refusal fails the registration: by the next steps the
 * attempt ends, which retires the noted link, and the device is removed.
 */
async function storeAndCommit(ctx: CompanyContext, registration: Registration, state: CompanyState): Promise<CompanyState> {
  const { ref, seenGeneration } = registration
  const { generation } = await registration.link()
  if ((await registration.store()) === 'fenced') {
    registration.fail({ code: 'HOST_UNAVAILABLE' })
    return state
  }
  const link = { generation, ...(seenGeneration && { seenGeneration }) }
  const { state: next, outcome } = await ctx.decisions.applyAsOwner(
    (s, now) => commitLink(s, ref, link, now),
    ctx.correlationId(),
  )
  const about = { companyId: ctx.companyId, attemptId: ref.attemptId, generation, outcome }
  ctx.deps.log.info('link installed', { ...about, correlationId: ctx.correlationId() })
  // Somebody else has decided about the credentials. Should this very link be current by now, the next step sees that first.
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

/** With the credentials of a link that has just been installed, or with stored ones. */
async function openSession(ctx: CompanyContext, state: CompanyState): Promise<CompanyState> {
  const { running, deps, lease, companyId, wake } = ctx
  if (!state.credentials) return state
  const stored = storedGeneration(companyId, state.credentials)
  const { registration } = running
  const linked = registration?.generation === stored.generation ? registration : undefined
  if (linked) running.registration = undefined
  running.session = keepSession(deps, lease, stored, linked?.credentials, wake)
  if (state.attempt?.state === 'connecting') running.session.hurry()
  return state
}

/** The device of an open session is unlinked on its own socket; any other socket just closes. */
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
