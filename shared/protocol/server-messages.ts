/** Messages to clients (requirements, "WebSocket API"): events in their envelope, in the reader's language. */
import { deadlineOf } from '#shared/domain/company/attempt.ts'
import type { CompanyEvent, CompanyState } from '#shared/domain/company/company.ts'
import { attemptView, type LeaseView, sessionView } from '#shared/domain/company/view.ts'
import { errorSpec, type Failure, type Language, type OwnerAction } from '#shared/domain/values/errors.ts'
import { maskPhone } from '#shared/domain/values/phone.ts'
import { unreachable } from '#shared/domain/values/result.ts'

/**
 * Fields that every event has besides its own. `at` is epoch ms. `seq` counts the frames for the company's clients, so
 * that a client can tell which of two frames is newer. An answer that says nothing about the company's state, or for
 * which no number could be drawn, has no `seq`.
 */
export type Envelope = {
  readonly companyId: string
  readonly at: number
  readonly seq?: number
  readonly requestId?: string
  readonly language: Language
}

export type ServerMessage = {
  readonly event: string
  readonly companyId: string
  readonly at: string
  readonly seq?: number
  readonly requestId?: string
  readonly [field: string]: unknown
}

/** Returns the message for an event of a decision. */
export function eventMessage(event: CompanyEvent, envelope: Envelope): ServerMessage {
  return message(event.event, envelope, fieldsOf(event, envelope))
}

/** Events that answer one request and belong to no decision. */
export const answerEvents = ['status', 'pong'] as const

const answer = (event: (typeof answerEvents)[number], envelope: Envelope, fields: Record<string, unknown>) =>
  message(event, envelope, fields)

export const pongMessage = (envelope: Envelope): ServerMessage => answer('pong', envelope, {})

/** Events that report a failure. */
export type FailureEvent = 'error' | 'pairing-code-error' | 'credentials-reset-error'

/** Returns the message for a failure outside an attempt: bad input, an expired token, an unavailable store. */
export function errorMessage(
  failure: Failure,
  envelope: Envelope,
  event: FailureEvent = 'error',
  field?: string,
): ServerMessage {
  return message(event, envelope, failureFields(failure, envelope.language, field))
}

/** Returns the answer to `get-status`; `staleMs` is the age at which a lease is stale. */
export function statusMessage(
  state: CompanyState,
  lease: LeaseView | undefined,
  staleMs: number,
  envelope: Envelope,
): ServerMessage {
  const session = sessionView(state, lease, staleMs, envelope.at)
  const { attempt } = state
  return answer('status', envelope, {
    session: session.status,
    ...(session.phone && { phoneNumber: maskPhone(session.phone) }),
    ...(session.until !== undefined && { until: iso(session.until) }),
    ...(attempt && { attempt: attemptFields(attempt, envelope.at) }),
  })
}

/** Returns the fields of an attempt for clients that poll, over the WebSocket or HTTP. */
export function attemptFields(attempt: NonNullable<CompanyState['attempt']>, now: number): Record<string, unknown> {
  const { phone, expiresAt, deadline, ...view } = attemptView(attempt)
  const until = 'expiresAt' in attempt ? attempt.expiresAt : deadlineOf(attempt)
  return {
    ...view,
    ...(phone && { phoneNumber: phone }),
    ...(expiresAt === undefined && { deadline: iso(deadline) }),
    ...expiry(until, now),
  }
}

/** Returns the fields of a failure. The sentence names the wrong `field`; `reason` is for developers, in English. */
export function failureFields(failure: Failure, language: Language, field?: string): Record<string, unknown> {
  const spec = errorSpec(failure.code)
  const action: OwnerAction | undefined = failure.action ?? spec.action
  return {
    code: failure.code,
    message:
      isForDevelopers(failure) && field ? `${sentence(failure, language)}: ${field}` : sentence(failure, language),
    retryable: spec.retryable,
    ...(failure.retryAfter !== undefined && { retryAfter: failure.retryAfter }),
    ...(action && { action }),
    ...(isForDevelopers(failure) && { reason: failure.detail }),
    ...(field && { field }),
  }
}

const isForDevelopers = ({ code, detail }: Failure): boolean => code === 'BAD_REQUEST' && detail !== undefined

/** Returns the sentence for a failure in the reader's language, completed by its detail. */
export function sentence(failure: Failure, language: Language): string {
  const text = sentencesOf(failure)[language]
  return failure.detail && !isForDevelopers(failure) ? `${text}: ${failure.detail}` : text
}

/** Sentences for accounts that get no code from WhatsApp but can link by QR. */
const useQr: Readonly<Record<Language, string>> = {
  ru: 'WhatsApp не выдаёт код для этого аккаунта. Отсканируйте QR-код',
  en: 'WhatsApp gives no code for this account. Scan the QR instead',
}

/** Sentences for an account that WhatsApp has logged out twice within a day: a third link would fare no better (R46). */
const lookAtPhone: Readonly<Record<Language, string>> = {
  ru: 'WhatsApp снова отключил устройство. Откройте WhatsApp на телефоне: если аккаунт ограничен, подождите до конца ограничения, иначе подключите номер заново',
  en: 'WhatsApp has logged the device out again. Look at WhatsApp on the phone: if the account is restricted, wait until that is over, else link the number again',
}

/** Sentences for an account that is restricted until a known time (R48). */
const untilItEnds: Readonly<Record<Language, string>> = {
  ru: 'WhatsApp временно ограничил этот аккаунт. Номер подключится сам, когда ограничение закончится',
  en: 'WhatsApp has restricted this account for a while. The number connects by itself when that is over',
}

function sentencesOf({ code, action }: Failure): Readonly<Record<Language, string>> {
  if (action === 'use-qr') return useQr
  if (action !== 'wait') return errorSpec(code)
  if (code === 'LOGGED_OUT') return lookAtPhone
  return code === 'ACCOUNT_RESTRICTED' ? untilItEnds : errorSpec(code)
}

function fieldsOf(event: CompanyEvent, { at, language }: Envelope): Record<string, unknown> {
  switch (event.event) {
    case 'pairing-started':
      return { attemptId: event.attemptId, ...phoneField(event.phone), deadline: iso(event.deadline) }
    case 'pairing-code':
      return {
        attemptId: event.attemptId,
        code: event.code,
        ...phoneField(event.phone),
        ...expiry(event.expiresAt, at),
      }
    case 'qr':
      return { attemptId: event.attemptId, qr: event.qr, ...expiry(event.expiresAt, at) }
    case 'pairing-progress':
      return { attemptId: event.attemptId, state: event.state }
    case 'pairing-cancelled':
      return event.attemptId ? { attemptId: event.attemptId } : {}
    case 'whatsapp-connected':
      return event.attemptId
        ? { attemptId: event.attemptId, ...phoneField(event.phone) }
        : phoneField(event.phone && maskPhone(event.phone))
    case 'whatsapp-disconnected':
      return {
        ...{ code: event.code, message: sentence(event, language), willReconnect: event.willReconnect },
        ...(event.until !== undefined && { until: iso(event.until) }),
        ...(event.action && { action: event.action }),
      }
    case 'pairing-code-error':
      return { ...(event.attemptId && { attemptId: event.attemptId }), ...failureFields(event.failure, language) }
    case 'credentials-reset':
      return { success: true, unlinked: event.unlinked }
    default:
      return unreachable(event)
  }
}

function message(event: string, envelope: Envelope, fields: Record<string, unknown>): ServerMessage {
  const { companyId, at, seq, requestId } = envelope
  const numbered = seq !== undefined && { seq }
  return { event, companyId, at: iso(at), ...numbered, ...(requestId !== undefined && { requestId }), ...fields }
}

const iso = (epochMs: number) => new Date(epochMs).toISOString()
const phoneField = (phone: string | undefined) => (phone ? { phoneNumber: phone } : {})
const expiry = (expiresAt: number, now: number) => ({
  expiresAt: iso(expiresAt),
  expiresIn: Math.max(0, Math.ceil((expiresAt - now) / 1000)),
})
