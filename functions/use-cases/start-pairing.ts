/** Starts or joins an attempt. Both APIs use it, and there is no other way to start one (R15, R16). */
import { ulid } from 'ulid'
import type { CodeBudget } from '#shared/budget/code-budget.ts'
import { refund } from '#shared/budget/refunds.ts'
import { endAttempt } from '#shared/domain/attempt/attempt-end.ts'
import { needsCode } from '#shared/domain/attempt/code-need.ts'
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { type PairingRequest, type PairingRequested, requestPairing } from '#shared/domain/attempt/pairing.ts'
import type { Attempt, Method, Waiting } from '#shared/domain/company/attempt.ts'
import { decision, type Transition } from '#shared/domain/company/company.ts'
import type { BudgetTicket } from '#shared/domain/values/budget.ts'
import type { Failure, Language } from '#shared/domain/values/errors.ts'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import { Contention } from '#shared/dynamo/contention.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
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
  /** Hears of the decision at once, before the command is sent: whatever fails later, it was made. */
  readonly onDecided: (decided: Decided<unknown>) => void
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
 * Starts an attempt or joins the running one. A request that starts one takes a code and wakes the watchdog first, then
 * takes the mutex, then sends the command, so that the attempt ends in time whichever process dies in between. Any other
 * request is decided at once, and sends nothing (R67). Throws when the store is down.
 */
export async function startPairing(request: StartPairingRequest, deps: StartPairingDeps): Promise<StartPairingResult> {
  const { correlationId, method, waiting, typedPhone, language } = request
  const phone =
    typedPhone === undefined ? ok(undefined) : await readTypedPhone(typedPhone, deps.pairing.defaultRegion, language)
  if (!phone.ok) return { kind: 'refused', failure: phone.error }
  const now = deps.clock()
  const asked: PairingRequest = {
    attemptId: ulid(now),
    method,
    correlationId,
    deadline: now + deps.pairing.codeDeadlineMs,
    ...(phone.value !== undefined && { phone: phone.value }),
    ...(waiting && { waiting }),
  }
  const decided = await decideOn(asked, request, deps)
  return decided.ok ? commandHost(request, decided.value, deps) : { kind: 'refused', failure: decided.error }
}

/** All that must be there before the write that starts an attempt. */
type Provisions = {
  readonly ticket?: BudgetTicket
  /** The watchdog has been told to come at the deadline of the request. */
  readonly hasMessage?: true
}

/** Nothing is decided: before it starts, the attempt needs a code, or a message to the watchdog for its deadline. */
type Lacking = { readonly kind: 'lacking'; readonly code: boolean; readonly message: boolean }

/** More than two rounds only if others decide in between; each of those is a race that this request has lost. */
const maxRounds = 5

/** Decides, and takes what an attempt needs when the decision would start one. What was taken in vain is given back. */
async function decideOn(
  asked: PairingRequest,
  request: StartPairingRequest,
  deps: StartPairingDeps,
): Promise<Result<Decided<PairingRequested>, Failure>> {
  let has: Provisions = {}
  for (let round = 1; round <= maxRounds; round++) {
    const decided = await decideWith(asked, has, request, deps)
    const { outcome } = decided
    if (outcome.kind !== 'lacking') {
      request.onDecided(decided)
      // A started attempt keeps its ticket; the decision that ends it unaccepted gives the ticket back.
      if (outcome.kind !== 'started') await giveBack(has.ticket, deps)
      return ok({ ...decided, outcome })
    }
    const provided = await provide(asked, has, outcome, request, deps)
    if (!provided.ok) return provided
    has = provided.value
  }
  await giveBack(has.ticket, deps)
  throw new Contention('an attempt', maxRounds)
}

/** One decision. When it has lost all races nothing was written, and its code is free again. */
async function decideWith(
  asked: PairingRequest,
  has: Provisions,
  { companyId }: StartPairingRequest,
  deps: StartPairingDeps,
): Promise<Decided<PairingRequested | Lacking>> {
  try {
    return await deps.store.decide(companyId, ifProvided(asked, has))
  } catch (error) {
    if (error instanceof Contention) await giveBack(has.ticket, deps)
    throw error
  }
}

/** Ends what is overdue and takes the request, unless that would start an attempt which lacks something. */
const ifProvided =
  (asked: PairingRequest, { ticket, hasMessage }: Provisions): Transition<PairingRequested | Lacking> =>
  (state, now) => {
    const timed = timeOut(state, now)
    const next = requestPairing(timed.state, { ...asked, ...(ticket && { ticket }) }, now)
    const taken = decision<PairingRequested | Lacking>(next.state, next.outcome, [...timed.notices, ...next.notices])
    if (next.outcome.kind !== 'started') return taken
    const code = !ticket && needsCode(timed.state, asked)
    const { guard } = next.state
    // The chain of an attempt that this one replaces may go on for it.
    const isArmed = guard?.chain !== asked.attemptId || hasMessage
    return code || !isArmed ? decision(state, { kind: 'lacking', code, message: !isArmed }) : taken
  }

/** Takes a code from the budgets if one is needed (R24), and wakes the watchdog. */
async function provide(
  { attemptId, phone, deadline }: PairingRequest,
  has: Provisions,
  { code, message }: Lacking,
  { companyId, correlationId }: StartPairingRequest,
  deps: StartPairingDeps,
): Promise<Result<Provisions, Failure>> {
  const taken = code ? await deps.budget.take(companyId, phone) : ok(has.ticket)
  if (!taken.ok) return err({ code: 'RATE_LIMITED', ...taken.error })
  const provided = { ...has, ...(taken.value && { ticket: taken.value }) }
  if (!message) return ok(provided)
  const wake = { companyId, correlationId, due: deadline, chain: attemptId }
  if (await trySend(deps, () => deps.queue.wakeAt(wake))) return ok({ ...provided, hasMessage: true })
  await giveBack(taken.value, deps)
  return err({ code: 'HOST_UNAVAILABLE' })
}

const giveBack = (ticket: BudgetTicket | undefined, { budget, log }: StartPairingDeps): Promise<void> =>
  refund(ticket, { giveBack: budget.giveBack, log })

/** Sends the command of an attempt that no host has accepted yet, new or joined, and notifies the clients. */
async function commandHost(
  request: StartPairingRequest,
  decided: Decided<PairingRequested>,
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
  const isSent =
    !needsCommand(decided, deps.clock()) || (await trySend(deps, () => sendCommand(request, attempt, deps)))
  await request.notify(decided)
  // A joined attempt normally has its command from the request that started it, and it has the watchdog.
  if (isSent || outcome.kind === 'joined') return { kind: 'accepted', attempt }
  return endUnsent(request, attempt, deps)
}

/** Time after which a joined attempt without a host gets its command once more: hosts accept in well under that. */
const commandLostMs = 2_000

/**
 * A joined attempt that no host has accepted for a while gets its command once more, in case the function that started it
 * has died. Not before: repeats must not multiply commands.
 */
function needsCommand({ outcome }: Decided<PairingRequested>, now: number): boolean {
  if (!('attempt' in outcome) || outcome.attempt.state !== 'requested') return false
  return outcome.kind === 'started' || now - outcome.attempt.requestedAt >= commandLostMs
}

const sendCommand = (
  { companyId, correlationId }: StartPairingRequest,
  { fence, attemptId }: Attempt,
  { queue }: StartPairingDeps,
) => queue.sendCommand({ companyId, correlationId, fence, attemptId })

/** Ends an attempt whose command was not sent. If that fails, too, the watchdog ends it, and answers. */
async function endUnsent(
  request: StartPairingRequest,
  attempt: Attempt,
  deps: StartPairingDeps,
): Promise<StartPairingResult> {
  const failure: Failure = { code: 'HOST_UNAVAILABLE' }
  const end: Transition<void> = (state, now) =>
    state.attempt?.attemptId === attempt.attemptId && state.attempt.state === 'requested'
      ? endAttempt(state, failure, 'failed', now)
      : decision(state, undefined)
  try {
    const ended = await deps.store.decide(request.companyId, end)
    await request.notify(ended)
    return ended.changed ? { kind: 'failed', failure } : { kind: 'accepted', attempt }
  } catch (error) {
    if (!(error instanceof StoreUnavailable || error instanceof Contention)) throw error
    deps.log.warn('Could not end an attempt whose command was not sent; the watchdog does', { error })
    return { kind: 'accepted', attempt }
  }
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
