/** Carries out the steps of a company: each is one decision, or one thing begun or ended here. */

import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { installLink, noteLink } from '#shared/domain/attempt/link.ts'
import {
  acceptAttempt,
  failAttempt,
  isLinked,
  issueCode,
  pairAfresh,
  phoneAnswered,
  turnAway,
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
import { startSweep, startUnlink, undoLink } from './cleanup.ts'
import { storedGeneration, type Workshop } from './context.ts'
import type { Step } from './next-step.ts'
import { openRegistration, type Registration } from './registration.ts'
import { keepSession } from './session.ts'

/** Takes one step and returns the state that it led to. */
export async function takeStep(shop: Workshop, step: Step, state: CompanyState): Promise<CompanyState> {
  const owner = ownerOf(shop)
  const session = { generation: state.credentials?.generation ?? '', owner }
  const forgetSession = ({ credentials }: CompanyState) => {
    const { registration } = shop.running
    shop.running.session = undefined
    // What this host has seen leave is no surprise to its own attempt: beside a kept session, say (R8, R15).
    if (!credentials && registration?.seenGeneration === session.generation) registration.seenGeneration = undefined
  }
  switch (step.do) {
    case 'adopt':
      return write(shop, (s, now) => adoptCompany(s, owner, now))
    case 'timeOut':
      return write(shop, timeOut)
    case 'acceptAttempt':
      return accept(shop, step.attempt, state)
    case 'openRegistration':
      return beginPairing(shop, step.attempt, step.ref, state)
    case 'pairAfresh':
      return startAfresh(shop, step)
    case 'issueCode':
      return withRegistration(shop, state, ({ ref }) => write(shop, (s) => issueCode(s, ref, step.offer)))
    case 'reportAnswer':
      return withRegistration(shop, state, (registration) => reportAnswer(shop, registration))
    case 'noteLink':
      return withRegistration(shop, state, (registration) => note(shop, registration))
    case 'installLink':
      return withRegistration(shop, state, (registration) => install(shop, registration, state))
    case 'failAttempt':
      return write(shop, (s, now) => failAttempt(s, step.ref, step.failure, now))
    case 'closeRegistration':
      return withRegistration(shop, state, (registration) => closeRegistration(shop, registration, state))
    case 'undoLink':
      return withRegistration(shop, state, (registration) => undoLink(shop, registration, step.retired, state))
    case 'reopenAsSession':
    case 'openSession':
      return openSession(shop, state)
    case 'retireSession':
      return retireSession(shop, step, state)
    case 'endSession':
      return write(shop, (s, now) => sessionEnded(s, session, step, now), forgetSession)
    case 'reportUnreadable':
      return write(shop, (s, now) => credentialsUnreadable(s, session, now), forgetSession)
    case 'reportConnected':
      return write(shop, (s, now) => sessionConnected(s, session, now))
    case 'reportInterrupted':
      return write(shop, (s, now) => sessionInterrupted(s, session, step.code, now))
    case 'startUnlink':
      return startUnlink(shop, step.retired, {}, state)
    case 'reportUnlinked':
      return write(
        shop,
        (s) => unlinkFinished(s, step.generation, step.result),
        () => {
          shop.running.unlinks.delete(step.generation)
        },
      )
    case 'startSweep':
      return startSweep(shop, step.retired, state)
    case 'reportSwept':
      return write(
        shop,
        (s) => swept(s, step.generation),
        () => {
          shop.running.sweeps.delete(step.generation)
        },
      )
    default:
      return unreachable(step)
  }
}

const ownerOf = ({ tenure }: Workshop) => ({ hostId: tenure.hostId, epoch: tenure.epoch })

/** Writes a decision, then lets go of what it has settled. */
async function write<Outcome>(
  shop: Workshop,
  transition: Transition<Outcome>,
  settle: (state: CompanyState) => void = () => undefined,
): Promise<CompanyState> {
  const { state } = await shop.decisions.decide(transition, shop.correlationId())
  settle(state)
  return state
}

async function withRegistration(
  { running }: Workshop,
  state: CompanyState,
  act: (registration: Registration) => Promise<CompanyState>,
): Promise<CompanyState> {
  return running.registration ? act(running.registration) : state
}

/** A host that has its hands full says so before anything stored gives way (R8, R44). */
async function accept(shop: Workshop, attempt: Attempt, seen: CompanyState): Promise<CompanyState> {
  const { deps, decisions, running } = shop
  const { attemptId, fence, correlationId, method } = attempt
  const ref: AttemptRef = { attemptId, fence, owner: ownerOf(shop) }
  const isFree = isLinked(seen, attempt)
  const admission = isFree ? 'admitted' : deps.pacing.admitAttempt(attempt.deadline - deps.time.now())
  if (admission !== 'admitted') return write(shop, (s, now) => turnAway(s, ref, admission.retryAfter, now))
  const { phoneChangePolicy } = deps.settings
  const { state, outcome } = await decisions.decide(
    (s, now) => acceptAttempt(s, ref, phoneChangePolicy, now),
    correlationId,
  )
  deps.log.info('attempt taken on', { companyId: shop.companyId, attemptId, correlationId, method, outcome })
  if (outcome === 'awaitSession') running.session?.hurry()
  return state
}

/** The request was free, as its phone was linked; the code that it takes now is not (R24). */
async function startAfresh(
  shop: Workshop,
  { ref, reason, phone }: Extract<Step, { do: 'pairAfresh' }>,
): Promise<CompanyState> {
  const taken = await shop.deps.budget.take(shop.companyId, phone)
  if (taken.ok) return write(shop, (s, now) => pairAfresh(s, ref, reason, now))
  const failure: Failure = { code: 'RATE_LIMITED', ...taken.error }
  return write(shop, (s, now) => failAttempt(s, ref, failure, now))
}

async function beginPairing(
  shop: Workshop,
  attempt: Attempt,
  ref: AttemptRef,
  state: CompanyState,
): Promise<CompanyState> {
  const seenGeneration = state.credentials?.generation
  const request = { companyId: shop.companyId, attempt, ref, seenGeneration }
  shop.running.registration = openRegistration(shop.deps, shop.tenure, request, shop.wake)
  return state
}

/** Noted before it is written: an answer that comes meanwhile is another one. */
async function reportAnswer(shop: Workshop, registration: Registration): Promise<CompanyState> {
  const { state, outcome } = await shop.decisions.decide(
    (s, now) => phoneAnswered(s, registration.ref, now),
    shop.correlationId(),
  )
  if (outcome !== 'notOwner') registration.answerReported()
  return state
}

/**
 * Names the link before any of it is stored (R7). A note that is refused as stale fails the registration: an attempt that
 * still is this host's would otherwise be noted again without end.
 */
async function note(shop: Workshop, registration: Registration): Promise<CompanyState> {
  const { ref, seenGeneration } = registration
  const link = { ...(await registration.link()), ...(seenGeneration && { seenGeneration }) }
  const { state, outcome } = await shop.decisions.decide((s, now) => noteLink(s, ref, link, now), shop.correlationId())
  if (outcome === 'stale') registration.fail({ code: 'CREDENTIALS_CONFLICT' })
  return state
}

/**
 * Stores what pair-success has brought, then makes it current (R6). A refusal fails the registration: by the next steps the
 * attempt ends, which retires the noted link, and the device is removed.
 */
async function install(shop: Workshop, registration: Registration, state: CompanyState): Promise<CompanyState> {
  const { ref, seenGeneration } = registration
  const { generation } = await registration.link()
  if ((await registration.store()) === 'fenced') {
    registration.fail({ code: 'HOST_UNAVAILABLE' })
    return state
  }
  const link = { generation, ...(seenGeneration && { seenGeneration }) }
  const { state: next, outcome } = await shop.decisions.decide(
    (s, now) => installLink(s, ref, link, now),
    shop.correlationId(),
  )
  const about = { companyId: shop.companyId, attemptId: ref.attemptId, generation, outcome }
  shop.deps.log.info('link installed', { ...about, correlationId: shop.correlationId() })
  // Somebody else has decided about the credentials. Should this very link be current by now, the next step sees that first.
  if (outcome === 'stale') registration.fail({ code: 'CREDENTIALS_CONFLICT' })
  return next
}

async function closeRegistration(
  shop: Workshop,
  registration: Registration,
  state: CompanyState,
): Promise<CompanyState> {
  shop.running.registration = undefined
  await registration.close()
  return state
}

/** With the credentials of a link that has just been installed, or with stored ones. */
async function openSession(shop: Workshop, state: CompanyState): Promise<CompanyState> {
  const { running, deps, tenure, companyId, wake } = shop
  if (!state.credentials) return state
  const stored = storedGeneration(companyId, state.credentials)
  const { registration } = running
  const linked = registration?.generation === stored.generation ? registration : undefined
  if (linked) running.registration = undefined
  running.session = keepSession(deps, tenure, stored, linked?.credentials, wake)
  if (state.attempt?.state === 'connecting') running.session.hurry()
  return state
}

/** The device of an open session is unlinked on its own socket; any other socket just closes. */
async function retireSession(
  shop: Workshop,
  { retired }: Extract<Step, { do: 'retireSession' }>,
  state: CompanyState,
): Promise<CompanyState> {
  const { session } = shop.running
  shop.running.session = undefined
  const socket = retired && session?.takeSocket()
  if (retired && socket) return startUnlink(shop, retired, { socket }, state)
  await session?.close()
  return state
}
