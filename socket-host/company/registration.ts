/**
 * The registration socket of one attempt: fresh credentials in memory, a code or QRs to show, and pair-success (R6,
 * R17).
 */
import { type Attempt, attemptTimes, type Link } from '#shared/domain/company/attempt.ts'
import type { AttemptRef } from '#shared/domain/company/company.ts'
import { type Close, isUnexplained, pairingFailure } from '#shared/domain/session/disconnect.ts'
import { errorSpec, type Failure } from '#shared/domain/values/errors.ts'
import type { Credentials, SocketEvent, WhatsAppSocket } from '../whatsapp/port.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import type { RegistrationFacts } from './next-step.ts'
import type { Leave } from './pacing.ts'

export type Registration = {
  readonly ref: AttemptRef
  readonly credentials: Credentials
  /** Generation that was current when the attempt was accepted; cleared when this host itself retires it. */
  seenGeneration: string | undefined
  /** Returns a snapshot of what the socket has come to. */
  facts(): RegistrationFacts
  /** Clears `hasNewAnswer`. */
  answerReported(): void
  /** Records why the attempt fails; the first failure counts. */
  fail(failure: Failure): void
  /** True once every row of the link is stored; only then can another host log in as the device and unlink it. */
  isStored(): boolean
  /** Returns the link. The first call chooses its generation and creates its data key; later calls return the same. */
  link(): Promise<Link>
  /** Writes the linked credentials under their generation. Once they are written, further calls write nothing. */
  store(): Promise<'written' | 'fenced'>
  /** Closes the socket. Events that come later are ignored. */
  close(): Promise<void>
}

export type RegistrationRequest = {
  readonly companyId: string
  readonly attempt: Attempt
  readonly ref: AttemptRef
  readonly seenGeneration: string | undefined
}

/**
 * Queues for a registration socket and opens it when its turn comes. `onChange` is called whenever a fact has changed.
 */
export function openRegistration(
  deps: CompanyDeps,
  lease: OwnedLease,
  request: RegistrationRequest,
  onChange: () => void,
): Registration {
  const { time, log } = deps
  const { companyId, attempt, ref } = request
  const about = { companyId, attemptId: ref.attemptId, correlationId: attempt.correlationId }
  const credentials = deps.whatsApp.fresh()
  const facts: { -readonly [K in keyof RegistrationFacts]: RegistrationFacts[K] } = {
    ref,
    offer: undefined,
    hasNewAnswer: false,
    isLinked: false,
    generation: undefined,
    isClosed: false,
    failure: undefined,
  }
  let socket: WhatsAppSocket | undefined
  let openedAt = 0
  let isOver = false
  let hasAskedForCode = false
  let linkedPhone: string | undefined
  let dataKey: { readonly key: Uint8Array; readonly wrappedKey: string } | undefined
  let isStored = false
  let leaveQueue: Leave = () => undefined

  const offer = (shown: { code: string } | { qr: string }, expiresAt: number): void => {
    const socketUntil = openedAt + attemptTimes.socketMs
    facts.offer = { shown, expiresAt: Math.min(expiresAt, socketUntil), socketUntil }
    leaveQueue('served')
  }
  const fail = (failure: Failure): void => {
    facts.failure ??= failure
    leaveQueue()
  }

  /**
   * Stores the cool-down before the failure shows: an owner who retries at once would otherwise reach WhatsApp again.
   */
  async function failRefused(phone: string, failure: Failure): Promise<void> {
    if (failure.code === 'RATE_LIMITED' && failure.retryAfter !== undefined) {
      await deps.budget
        .coolDown(phone, time.now() + failure.retryAfter * 1000)
        .catch((error: unknown) => log.warn('Could not store the cool-down', { ...about, phone, error }))
    }
    fail(failure)
  }

  async function askForCode(from: WhatsAppSocket, phone: string): Promise<void> {
    const answer = await from.requestCode(phone)
    if (isOver) return
    if (answer.ok) offer({ code: answer.value }, time.now() + deps.settings.codeLifetimeMs)
    else await failRefused(phone, answer.error)
    log.info('WhatsApp answered companion_hello', { ...about, phone, refused: facts.failure?.code })
    onChange()
  }

  function onQr(from: WhatsAppSocket, qr: string, lapsesAt: number): void {
    if (attempt.method === 'qr') offer({ qr }, lapsesAt)
    else if (attempt.phone === undefined) fail({ code: 'INTERNAL' })
    else if (!hasAskedForCode) {
      hasAskedForCode = true
      askForCode(from, attempt.phone).catch((error: unknown) => {
        log.warn('Could not ask for a code', { ...about, error })
        fail({ code: 'WHATSAPP_UNAVAILABLE' })
        onChange()
      })
    }
  }

  function onClosed(close: Close): void {
    facts.isClosed = true
    socket = undefined
    leaveQueue()
    const code = pairingFailure(close.reason, facts.offer !== undefined)
    if (!facts.isLinked) fail({ code })
    const level = isUnexplained(close.reason) ? 'error' : facts.isLinked ? 'info' : errorSpec(code).level
    log[level]('Registration socket closed', { ...about, close, isLinked: facts.isLinked })
  }

  function onEvent(from: WhatsAppSocket, event: SocketEvent): void {
    switch (event.type) {
      case 'qr':
        onQr(from, event.qr, event.lapsesAt)
        break
      case 'phoneAnswered':
        facts.hasNewAnswer = true
        break
      case 'linked':
        facts.isLinked = true
        linkedPhone = event.phone
        log.info('Phone linked', { ...about, phone: event.phone })
        break
      case 'passkeyRequired':
        fail({ code: 'PASSKEY_REQUIRED' })
        break
      case 'opened':
        break
      case 'closed':
        onClosed(event.close)
    }
  }

  function begin(): void {
    if (isOver || !lease.isOwner()) return
    openedAt = time.now()
    const opened = deps.whatsApp.open(credentials, (event) => {
      if (isOver) return
      onEvent(opened, event)
      onChange()
    })
    socket = opened
  }

  async function close(): Promise<void> {
    isOver = true
    leaveQueue()
    const closing = socket
    socket = undefined
    await closing?.close()
    facts.isClosed = true
  }

  async function generationAndKey() {
    const generation = facts.generation ?? deps.newGeneration()
    facts.generation = generation
    dataKey ??= await deps.dataKeys.create({ companyId, generation })
    return { generation, dataKey }
  }

  async function store(): Promise<'written' | 'fenced'> {
    if (isStored) return 'written'
    const { generation, dataKey: key } = await generationAndKey()
    const target = { companyId, generation, dataKey: key.key, epoch: lease.epoch, isOwner: lease.isOwner }
    const outcome = await deps.whatsApp.persist(credentials, target)
    isStored = outcome === 'written'
    return outcome
  }

  leaveQueue = deps.pacing.enter('pairing', begin)
  return {
    ref,
    credentials,
    seenGeneration: request.seenGeneration,
    facts: () => ({ ...facts }),
    answerReported: () => {
      facts.hasNewAnswer = false
    },
    fail,
    isStored: () => isStored,
    link: async () => {
      const { generation, dataKey: key } = await generationAndKey()
      return { generation, wrappedKey: key.wrappedKey, ...(linkedPhone && { phone: linkedPhone }) }
    },
    store,
    close,
  }
}
