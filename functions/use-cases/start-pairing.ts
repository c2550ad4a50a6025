/** Starts or joins an attempt. Both APIs use it, and there is no other way to start one (R15, R16). */
import { ulid } from 'ulid'
import type { CodeBudget } from '#shared/budget/code-budget.ts'
import { refund } from '#shared/budget/refunds.ts'
import { endAttempt } from '#shared/domain/attempt/attempt-end.ts'
import { needsCode } from '#shared/domain/attempt/code-need.ts'
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { requestPairing } from '#shared/domain/attempt/pairing.ts'
import { pairingRefusal } from '#shared/domain/attempt/refusal.ts'
import type { Attempt, Method, Waiting } from '#shared/domain/company/attempt.ts'
import { decision, type Transition } from '#shared/domain/company/company.ts'
import { ForeignState } from '#shared/domain/company/foreign-state.ts'
import type { BudgetTicket } from '#shared/domain/values/budget.ts'
import type { Failure, Language } from '#shared/domain/values/errors.ts'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import type { Clock, CommandQueue, CompanyStore, Decided } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { readTypedPhone } from './typed-phone.ts'

export type StartPairingDeps = {
  readonly store: CompanyStore
  readonly queue: CommandQueue
  readonly budget: CodeBudget
  readonly clock: Clock
  readonly log: Log
  readonly pairing: {
    /** Country of numbers that are typed without a calling code, such as `RU` (R1). */
    readonly defaultRegion: string
    /** Time limit from the request to its code (R18). */
    readonly codeDeadlineMs: number
  }
}

export type StartPairingRequest = {
  readonly companyId: string
  readonly method: Method
  /** The phone as it was typed; a request for a QR may have none. */
  readonly typedPhone?: string | undefined
  /** The request that waits for the code; undefined over HTTP, where clients poll. */
  readonly waiting?: Waiting
  readonly correlationId: string
  readonly language: Language
  /** Pushes the notices of a decision to clients. */
  readonly notify: (decided: Decided<unknown>) => Promise<void>
}

export type StartPairingResult =
  /** Started, or joined when one for the same phone was running (R16). */
  | { readonly kind: 'accepted'; readonly attempt: Attempt }
  /** Nothing was started. The caller has to answer the client. */
  | { readonly kind: 'refused'; readonly failure: Failure }
  /** Started, and ended at once. The waiting clients have had the failure as an event. */
  | { readonly kind: 'failed'; readonly failure: Failure }

/** Seconds to wait when too many requests wait for one attempt: a host takes the attempt on in well under that. */
const crowdedRetrySeconds = 5

/**
 * Starts an attempt or joins the running one. It wakes the watchdog first, then takes the mutex, then sends the
 * command, so that the attempt ends in time whichever process dies in between. Throws when the store is down.
 */
export async function startPairing(request: StartPairingRequest, deps: StartPairingDeps): Promise<StartPairingResult> {
  const { companyId, correlationId, method, waiting, typedPhone, language } = request
  const phone =
    typedPhone === undefined ? ok(undefined) : await readTypedPhone(typedPhone, deps.pairing.defaultRegion, language)
  if (!phone.ok) return { kind: 'refused', failure: phone.error }
  const ticket = await takeCode(request, phone.value, deps)
  if (!ticket.ok) return { kind: 'refused', failure: ticket.error }
  const deadline = deps.clock() + deps.pairing.codeDeadlineMs
  const isArmed = await trySend(deps, () => deps.queue.wakeAt({ companyId, correlationId, due: deadline }))
  if (!isArmed) {
    await giveBack(ticket.value, deps)
    return { kind: 'refused', failure: { code: 'HOST_UNAVAILABLE' } }
  }
  const pairingRequest = {
    attemptId: ulid(deps.clock()),
    method,
    correlationId,
    deadline,
    ...(phone.value !== undefined && { phone: phone.value }),
    ...(waiting && { waiting }),
    ...(ticket.value && { ticket: ticket.value }),
  }
  const decided = await deps.store.decide(
    companyId,
    afterTimeouts((state, now) => requestPairing(state, pairingRequest, now)),
  )
  const result = await commandHost(request, decided, deps)
  // A started attempt keeps its ticket; the decision that ends it unaccepted gives the ticket back.
  if (decided.outcome.kind !== 'started') await giveBack(ticket.value, deps)
  return result
}

/**
 * Takes a code from the budgets, or returns no ticket if the request needs no new code: repeats are free (R24). A request
 * that a code could not help costs none either (R9).
 */
async function takeCode(
  { companyId, method }: StartPairingRequest,
  phone: string | undefined,
  { store, budget, clock }: StartPairingDeps,
): Promise<Result<BudgetTicket | undefined, Failure>> {
  const { state } = await store.read(companyId)
  // The decision would throw, and the code would be lost to the budget.
  if (state.foreign) throw new ForeignState(companyId)
  const now = clock()
  const current = timeOut(state, now).state
  const request = { method, ...(phone !== undefined && { phone }) }
  if (!needsCode(current, request)) return ok(undefined)
  const refusal = pairingRefusal(current, request, now)
  if (refusal) return err(refusal)
  const taken = await budget.take(companyId, phone)
  return taken.ok ? taken : err({ code: 'RATE_LIMITED', ...taken.error })
}

const giveBack = (ticket: BudgetTicket | undefined, { budget, log }: StartPairingDeps): Promise<void> =>
  refund(ticket, { giveBack: budget.giveBack, log })

/** Ends what is overdue before the transition, so that it decides on the state as it is now. */
const afterTimeouts =
  <Outcome>(transition: Transition<Outcome>): Transition<Outcome> =>
  (state, now) => {
    const timed = timeOut(state, now)
    const next = transition(timed.state, now)
    return { ...next, notices: [...timed.notices, ...next.notices] }
  }

/** Sends the command of an attempt that no host has accepted yet, new or joined, and notifies the clients. */
async function commandHost(
  request: StartPairingRequest,
  decided: Decided<ReturnType<typeof requestPairing>['outcome']>,
  deps: StartPairingDeps,
): Promise<StartPairingResult> {
  const { outcome } = decided
  if (outcome.kind === 'crowded') {
    await request.notify(decided)
    return { kind: 'refused', failure: { code: 'BUSY', retryAfter: crowdedRetrySeconds } }
  }
  if (outcome.kind === 'refused') {
    await request.notify(decided)
    return outcome
  }
  const { attempt } = outcome
  deps.log.info('Pairing requested', { outcome: outcome.kind, attemptId: attempt.attemptId, state: attempt.state })
  const isSent = attempt.state !== 'requested' || (await trySend(deps, () => sendCommand(request, attempt, deps)))
  await request.notify(decided)
  // A joined attempt normally has its command from the request that started it, and it has the watchdog.
  if (isSent || outcome.kind === 'joined') return { kind: 'accepted', attempt }
  return endUnsent(request, attempt, deps)
}

const sendCommand = (
  { companyId, correlationId }: StartPairingRequest,
  { fence, attemptId }: Attempt,
  { queue }: StartPairingDeps,
) => queue.sendCommand({ companyId, correlationId, fence, attemptId })

/** Ends an attempt whose command was not sent, instead of leaving it to the watchdog. */
async function endUnsent(
  request: StartPairingRequest,
  attempt: Attempt,
  deps: StartPairingDeps,
): Promise<StartPairingResult> {
  const failure: Failure = { code: 'HOST_UNAVAILABLE' }
  const ended = await deps.store.decide(request.companyId, (state, now) =>
    state.attempt?.attemptId === attempt.attemptId && state.attempt.state === 'requested'
      ? endAttempt(state, failure, 'failed', now)
      : decision(state, undefined),
  )
  await request.notify(ended)
  return ended.changed ? { kind: 'failed', failure } : { kind: 'accepted', attempt }
}

async function trySend({ log }: StartPairingDeps, send: () => Promise<void>): Promise<boolean> {
  try {
    await send()
    return true
  } catch (error) {
    log.error('A queue could not be reached', { error })
    return false
  }
}
