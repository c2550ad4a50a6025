/** Steps of an attempt: it is accepted, its registration opens, and its link is prepared, committed or dropped. */
import { acceptAttempt, isLinked, rejectBusy, restartPairing } from '#shared/domain/attempt/acceptance.ts'
import { commitLink, prepareLink } from '#shared/domain/attempt/link.ts'
import { failAttempt, phoneAnswered } from '#shared/domain/attempt/pairing.ts'
import type { Attempt } from '#shared/domain/company/attempt.ts'
import type { AttemptRef, CompanyState } from '#shared/domain/company/company.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import { applyDecision, type CompanyContext, ownerOf, write } from './context.ts'
import type { StepOf } from './next-step.ts'
import { openRegistration, type Registration } from './registration.ts'

/** Turns an act on the registration into a step, which changes nothing when there is no registration any more. */
export const withRegistration =
  <S>(act: (ctx: CompanyContext, registration: Registration, state: CompanyState, step: S) => Promise<CompanyState>) =>
  async (ctx: CompanyContext, step: S, state: CompanyState): Promise<CompanyState> =>
    ctx.running.registration ? act(ctx, ctx.running.registration, state, step) : state

/** Accepts an attempt, or rejects it as busy before anything stored changes (R8, R44). Linked phones are exempt. */
export async function accept(
  ctx: CompanyContext,
  { attempt }: StepOf<'acceptAttempt'>,
  seen: CompanyState,
): Promise<CompanyState> {
  const { deps, running } = ctx
  const { attemptId, correlationId, method } = attempt
  const needsNoCode = isLinked(seen, attempt)
  const admission = needsNoCode ? 'admitted' : deps.pacing.admitAttempt(attempt.deadline - deps.time.now())
  if (admission !== 'admitted') return reject(ctx, attempt, admission.retryAfter)
  const { phoneChangePolicy } = deps.settings
  const { state, outcome } = await applyDecision(ctx, (s, now) =>
    acceptAttempt(s, refOf(ctx, attempt), phoneChangePolicy, now),
  )
  deps.log.info('Attempt acceptance decided', { companyId: ctx.companyId, attemptId, correlationId, method, outcome })
  if (outcome === 'awaitSession') running.session?.hurry()
  return state
}

/** Ends a request that this host cannot serve. `retryAfter` is in seconds. */
export const reject = (ctx: CompanyContext, attempt: Attempt, retryAfter: number): Promise<CompanyState> =>
  write(ctx, (s, now) => rejectBusy(s, refOf(ctx, attempt), retryAfter, now))

const refOf = (ctx: CompanyContext, { attemptId, fence }: Attempt): AttemptRef => ({
  ...{ attemptId, fence, owner: ownerOf(ctx) },
})

/**
 * Restarts the pairing of a phone whose session has ended. The request was free because the phone was linked; the code
 * that it needs now is charged to the budget, once (R24).
 */
export async function chargeAndRestart(
  ctx: CompanyContext,
  { ref, phone }: StepOf<'restartPairing'>,
  state: CompanyState,
): Promise<CompanyState> {
  if (state.attempt?.state === 'connecting' && state.attempt.ticket) return write(ctx, (s) => restartPairing(s, ref))
  const taken = await ctx.deps.budget.take(ctx.companyId, phone)
  if (taken.ok) return write(ctx, (s) => restartPairing(s, ref, taken.value))
  const failure: Failure = { code: 'RATE_LIMITED', ...taken.error }
  return write(ctx, (s, now) => failAttempt(s, ref, failure, now))
}

export async function beginPairing(
  ctx: CompanyContext,
  { attempt, ref }: StepOf<'openRegistration'>,
  state: CompanyState,
): Promise<CompanyState> {
  const seenGeneration = state.credentials?.generation
  const { companyId, handOverAt } = ctx
  const request = { companyId, attempt, ref, seenGeneration, handOverAt }
  ctx.running.registration = openRegistration(ctx.deps, ctx.lease, request, ctx.wake)
  return state
}

export async function reportAnswer(ctx: CompanyContext, registration: Registration): Promise<CompanyState> {
  const { ref, answers } = registration.facts()
  const { state, outcome } = await applyDecision(ctx, (s, now) => phoneAnswered(s, ref, now))
  if (outcome !== 'notOwner') registration.answersReported(answers)
  return state
}

/**
 * Names the link in STATE before any of it is stored (R7, R11). A stale outcome fails the registration; an attempt that
 * is still this host's would otherwise be prepared again and again.
 */
export async function prepare(ctx: CompanyContext, registration: Registration): Promise<CompanyState> {
  const { ref, seenGeneration } = registration.facts()
  const link = { ...(await registration.link()), ...(seenGeneration && { seenGeneration }) }
  const { state, outcome } = await applyDecision(ctx, (s, now) => prepareLink(s, ref, link, now))
  if (outcome === 'stale') registration.fail({ code: 'CREDENTIALS_CONFLICT' })
  return state
}

/**
 * Stores the linked credentials, then makes them current (R6). If either is refused, the registration fails: the next
 * steps end the attempt, which retires the prepared link, and unlink the device.
 */
export async function commit(
  ctx: CompanyContext,
  registration: Registration,
  state: CompanyState,
): Promise<CompanyState> {
  const { ref, seenGeneration } = registration.facts()
  const { generation } = await registration.link()
  if ((await registration.store()) === 'fenced') {
    registration.fail({ code: 'HOST_UNAVAILABLE' })
    return state
  }
  const link = { generation, ...(seenGeneration && { seenGeneration }) }
  const { state: next, outcome } = await applyDecision(ctx, (s, now) => commitLink(s, ref, link, now))
  const about = { companyId: ctx.companyId, attemptId: ref.attemptId, generation, outcome }
  ctx.deps.log.info('Link commit decided', { ...about, correlationId: ctx.correlationId() })
  // The attempt or the credentials have changed. If this link is current after all (the answer of an earlier try was
  // lost), the next step sees that before it sees the failure.
  if (outcome === 'stale') registration.fail({ code: 'CREDENTIALS_CONFLICT' })
  return next
}

export async function closeRegistration(
  ctx: CompanyContext,
  registration: Registration,
  state: CompanyState,
): Promise<CompanyState> {
  ctx.running.registration = undefined
  await registration.close()
  return state
}
