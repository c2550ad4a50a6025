/**
 * The registration socket of one attempt: fresh credentials in memory, a code or QRs to show, and pair-success (R6,
 * R17). `registration-facts.ts` decides what an event means; this file does what follows from it.
 */
import { type Attempt, attemptTimes, type Link } from '#shared/domain/company/attempt.ts'
import type { AttemptRef } from '#shared/domain/company/company.ts'
import { type Close, isUnexplained, pairingFailure } from '#shared/domain/session/disconnect.ts'
import { errorSpec, type Failure } from '#shared/domain/values/errors.ts'
import { err, type Result } from '#shared/domain/values/result.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { Credentials, SocketEvent, WhatsAppSocket } from '../whatsapp/port.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import type { Leave } from './pacing.ts'
import { type PendingLink, pendingLink } from './pending-link.ts'
import {
  afterRegistrationEvent,
  newRegistration,
  type RegistrationEvent,
  type RegistrationFacts,
} from './registration-facts.ts'

export type Registration = Pick<PendingLink, 'store' | 'isStored'> & {
  readonly credentials: Credentials
  facts(): RegistrationFacts
  /** Records that STATE has that many of the phone's answers. */
  answersReported(count: number): void
  /** Records why the attempt fails; the first failure counts. */
  fail(failure: Failure): void
  /** Returns the link. The first call chooses its generation and creates its data key. Rejects when KMS fails. */
  link(): Promise<Link>
  /** Closes the socket. Events that come later are ignored. */
  close(): Promise<void>
}

export type RegistrationRequest = {
  readonly companyId: string
  readonly attempt: Attempt
  readonly ref: AttemptRef
  readonly seenGeneration: string | undefined
  /** As in `CompanyContext`. */
  readonly handOverAt: () => number
}

/**
 * Queues for a registration socket and opens it when its turn comes. `onChange` is called whenever an event of the
 * socket, or WhatsApp's answer, has changed a fact.
 */
export function openRegistration(
  deps: CompanyDeps,
  lease: OwnedLease,
  { companyId, attempt, ref, seenGeneration, handOverAt }: RegistrationRequest,
  onChange: () => void,
): Registration {
  const about = { companyId, attemptId: ref.attemptId, correlationId: attempt.correlationId }
  const credentials = deps.whatsApp.fresh()
  const pending = pendingLink(deps, companyId, lease, credentials)
  let facts = newRegistration({ ref, method: attempt.method, phone: attempt.phone, seenGeneration })
  let leaveQueue: Leave = () => undefined

  function record(event: RegistrationEvent): void {
    facts = afterRegistrationEvent(facts, event, deps.time.now())
    if (facts.offer) leaveQueue('served')
    else if (facts.failure || facts.isClosed) leaveQueue()
  }

  function on(event: RegistrationEvent): void {
    record(event)
    onChange()
  }

  const expiresAt = () => codeExpiry(deps.time.now(), deps.settings.codeLifetimeMs, handOverAt())
  const socket = registrationSocket(deps, credentials, { about, expiresAt, factsNow: () => facts }, on)
  leaveQueue = deps.pacing.enter('pairing', () => {
    if (facts.isClosed || !lease.isOwner()) return
    record({ type: 'began' })
    socket.open()
  })
  return {
    ...{ credentials, store: pending.store, isStored: pending.isStored },
    facts: () => facts,
    answersReported: (count) => record({ type: 'answersReported', count }),
    fail: (failure) => record({ type: 'failed', failure }),
    link: async () => {
      const { generation, wrappedKey } = await pending.prepare()
      record({ type: 'prepared', generation })
      return { generation, wrappedKey, ...(facts.linkedPhone && { phone: facts.linkedPhone }) }
    },
    close: async () => {
      const isOpen = !facts.isClosed
      record({ type: 'left' })
      if (isOpen) await socket.close()
    },
  }
}

type Registering = {
  readonly about: object
  /** Returns the epoch ms at which a code that is issued now expires. */
  readonly expiresAt: () => number
  readonly factsNow: () => RegistrationFacts
}

/** A code whose host leaves expires before it: its owner is told from the start how long it is valid (R19, R28). */
function codeExpiry(now: number, lifetimeMs: number, handOverAt: number): number {
  const { leastShownMs, graceMs } = attemptTimes
  return Math.min(now + lifetimeMs, Math.max(now + leastShownMs, handOverAt - graceMs))
}

/** Makes the socket of a registration. It asks for a code when the facts say so, and reports with `on`. */
function registrationSocket(
  deps: CompanyDeps,
  credentials: Credentials,
  { about, expiresAt, factsNow }: Registering,
  on: (event: RegistrationEvent) => void,
) {
  let socket: WhatsAppSocket | undefined

  function onEvent(from: WhatsAppSocket, event: SocketEvent): void {
    const { isClosed, codeFor } = factsNow()
    if (isClosed) return
    on(event)
    const facts = factsNow()
    logEvent(deps.log, about, event, facts)
    if (facts.codeFor !== undefined && codeFor === undefined) void askForCode(from, facts.codeFor)
  }

  async function askForCode(from: WhatsAppSocket, phone: string): Promise<void> {
    const answer = await requestCode(deps.log, from, phone, about)
    if (factsNow().isClosed) return
    await coolDown(deps, phone, answer, about)
    on(codeEvent(answer, expiresAt()))
  }

  return {
    /** Must not throw: another registration that leaves the queue calls it. */
    open: () => {
      try {
        const opened = deps.whatsApp.open(credentials, (event) => onEvent(opened, event))
        socket = opened
      } catch (error) {
        deps.log.error('Could not open a registration socket', { ...about, error })
        on({ type: 'failed', failure: { code: 'INTERNAL' } })
      }
    },
    close: async () => socket?.close(),
  }
}

/** Asks WhatsApp for a code. Without an answer the failure is `WHATSAPP_UNAVAILABLE`. Never rejects. */
async function requestCode(
  log: Log,
  socket: WhatsAppSocket,
  phone: string,
  about: object,
): Promise<Result<string, Failure>> {
  try {
    const answer = await socket.requestCode(phone)
    log.info('WhatsApp answered companion_hello', {
      ...about,
      phone,
      refused: answer.ok ? undefined : answer.error.code,
    })
    return answer
  } catch (error) {
    log.warn('Could not ask for a code', { ...about, error })
    return err({ code: 'WHATSAPP_UNAVAILABLE' })
  }
}

/**
 * Stores the cool-down of a refusal before the failure shows: an owner who retries at once would otherwise reach
 * WhatsApp again.
 */
async function coolDown(
  { budget, time, log }: CompanyDeps,
  phone: string,
  answer: Result<string, Failure>,
  about: object,
): Promise<void> {
  if (answer.ok || answer.error.code !== 'RATE_LIMITED' || answer.error.retryAfter === undefined) return
  await budget
    .coolDown(phone, time.now() + answer.error.retryAfter * 1000)
    .catch((error: unknown) => log.warn('Could not store the cool-down', { ...about, phone, error }))
}

const codeEvent = (answer: Result<string, Failure>, expiresAt: number): RegistrationEvent =>
  answer.ok ? { type: 'codeReceived', code: answer.value, expiresAt } : { type: 'failed', failure: answer.error }

function logEvent(log: Log, about: object, event: SocketEvent, facts: RegistrationFacts): void {
  if (event.type === 'linked') log.info('Phone linked', { ...about, phone: event.phone })
  if (event.type === 'closed')
    log[closeLevel(event.close, facts)]('Registration socket closed', {
      ...about,
      close: event.close,
      isLinked: facts.isLinked,
    })
}

const closeLevel = ({ reason }: Close, { isLinked, offer }: RegistrationFacts) => {
  if (isUnexplained(reason)) return 'error'
  return isLinked ? 'info' : errorSpec(pairingFailure(reason, offer !== undefined)).level
}
