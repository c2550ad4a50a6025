/**
 * Facts about the registration socket of one attempt, and their change with each event. Pure: `registration.ts` opens
 * the socket, feeds its events in here, and acts on the facts that come out.
 */
import { attemptTimes, type Method, type Shown } from '#shared/domain/company/attempt.ts'
import type { AttemptRef } from '#shared/domain/company/company.ts'
import { type Close, pairingFailure } from '#shared/domain/session/disconnect.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import type { SocketEvent } from '../whatsapp/port.ts'

/** A code or a QR to show. Times are epoch ms: when it expires, and when its socket ends. */
export type Offer = { readonly shown: Shown; readonly expiresAt: number; readonly socketUntil: number }

export type RegistrationFacts = {
  readonly ref: AttemptRef
  readonly method: Method
  /** Digits of the requested phone; undefined for a QR request without one. */
  readonly phone: string | undefined
  /** Epoch ms at which the socket began to open; undefined while it waits for its turn. */
  readonly openedAt: number | undefined
  /** Generation that was current when the attempt was accepted. */
  readonly seenGeneration: string | undefined
  /** Phone for which WhatsApp is asked for a code: once, although more QRs follow (R17). Undefined before that. */
  readonly codeFor: string | undefined
  /** The latest code or QR; undefined before the first one. */
  readonly offer: Offer | undefined
  /** Times that the phone has answered a code, and how many of them are reported. */
  readonly answers: number
  readonly answersReported: number
  /** Pair-success has happened. */
  readonly isLinked: boolean
  /** Digits of the phone that was linked; undefined before that, and when its identity could not be read (R3). */
  readonly linkedPhone: string | undefined
  /** Name under which the link is stored; undefined until the step `prepareLink` has chosen it. */
  readonly generation: string | undefined
  /** WhatsApp has closed the socket, or it is being closed from here: nothing more is heard of it. */
  readonly isClosed: boolean
  /** Why the attempt must fail; undefined while it need not. */
  readonly failure: Failure | undefined
}

/** Events of the socket, and the code that comes over it. */
type HeardEvent =
  /** The turn of the registration has come, and its socket opens. */
  | { readonly type: 'began' }
  | SocketEvent
  /** WhatsApp has answered with a code, which is valid until `expiresAt` (epoch ms). */
  | { readonly type: 'codeReceived'; readonly code: string; readonly expiresAt: number }

export type RegistrationEvent =
  | HeardEvent
  /** The attempt must fail: WhatsApp gives no code, or a step of this host was refused. */
  | { readonly type: 'failed'; readonly failure: Failure }
  /** The link has its generation and its data key. */
  | { readonly type: 'prepared'; readonly generation: string }
  /** STATE has this many of the phone's answers. Another one may have come during the write. */
  | { readonly type: 'answersReported'; readonly count: number }
  /** The socket is being closed from here. */
  | { readonly type: 'left' }

/** Returns the facts of a registration that waits for its turn. */
export const newRegistration = (
  about: Pick<RegistrationFacts, 'ref' | 'method' | 'phone' | 'seenGeneration'>,
): RegistrationFacts => ({
  ...about,
  openedAt: undefined,
  codeFor: undefined,
  offer: undefined,
  answers: 0,
  answersReported: 0,
  isLinked: false,
  linkedPhone: undefined,
  generation: undefined,
  isClosed: false,
  failure: undefined,
})

/** Returns the facts after an event; `now` is epoch ms. Late events of a socket that has closed change nothing. */
export function afterRegistrationEvent(
  facts: RegistrationFacts,
  event: RegistrationEvent,
  now: number,
): RegistrationFacts {
  switch (event.type) {
    case 'failed':
      return failing(facts, event.failure)
    case 'prepared':
      return { ...facts, generation: event.generation }
    case 'answersReported':
      return { ...facts, answersReported: event.count }
    case 'left':
      return { ...facts, isClosed: true }
    default:
      return facts.isClosed ? facts : afterHeard(facts, event, now)
  }
}

function afterHeard(facts: RegistrationFacts, event: HeardEvent, now: number): RegistrationFacts {
  switch (event.type) {
    case 'began':
      return { ...facts, openedAt: now }
    case 'qr':
      return afterQr(facts, event.qr, event.lapsesAt)
    case 'codeReceived':
      return offering(facts, { code: event.code }, event.expiresAt)
    case 'phoneAnswered':
      return { ...facts, answers: facts.answers + 1 }
    case 'linked':
      return { ...facts, isLinked: true, linkedPhone: event.phone }
    case 'passkeyRequired':
      return failing(facts, { code: 'PASSKEY_REQUIRED' })
    case 'opened':
      return facts
    case 'closed':
      return afterClose(facts, event.close)
  }
}

/** A QR is shown when the owner wants one; otherwise the first one means that a code may be requested. */
function afterQr(facts: RegistrationFacts, qr: string, lapsesAt: number): RegistrationFacts {
  if (facts.method === 'qr') return offering(facts, { qr }, lapsesAt)
  if (facts.phone === undefined) return failing(facts, { code: 'INTERNAL' })
  return { ...facts, codeFor: facts.phone }
}

/** A code or a QR is of no use once its socket is gone, so it expires with the socket at the latest. */
function offering(facts: RegistrationFacts, shown: Shown, expiresAt: number): RegistrationFacts {
  const socketUntil = (facts.openedAt ?? 0) + attemptTimes.socketMs
  return { ...facts, offer: { shown, expiresAt: Math.min(expiresAt, socketUntil), socketUntil } }
}

/** The first failure counts: those that follow are its consequences. */
const failing = (facts: RegistrationFacts, failure: Failure): RegistrationFacts => ({
  ...facts,
  failure: facts.failure ?? failure,
})

/** A close after pair-success is the expected one (515) or does not matter: the session reports what is wrong. */
function afterClose(facts: RegistrationFacts, { reason }: Close): RegistrationFacts {
  const closed = { ...facts, isClosed: true }
  return facts.isLinked ? closed : failing(closed, { code: pairingFailure(reason, facts.offer !== undefined) })
}
