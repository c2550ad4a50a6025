/** Messages to clients (requirements, "WebSocket API"): events of the domain in their envelope, in the reader's language. */
import { deadlineOf } from '#shared/domain/company/attempt.ts'
import type { CompanyEvent, CompanyState } from '#shared/domain/company/company.ts'
import { attemptView, type LeaseView, sessionView } from '#shared/domain/company/view.ts'
import {
  type ErrorCode,
  errorSpec,
  type Failure,
  type Language,
  type OwnerAction,
} from '#shared/domain/values/errors.ts'
import { maskPhone } from '#shared/domain/values/phone.ts'
import { unreachable } from '#shared/domain/values/result.ts'

/**
 * What every event carries besides its own fields. `at` is epoch ms; `seq` grows per company. Answers that say nothing
 * about the company, and those for which no number could be drawn, have no `seq`: they stand beside the order.
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

/** The event of a decision, as a client receives it. */
export function eventMessage(event: CompanyEvent, envelope: Envelope): ServerMessage {
  return message(event.event, envelope, fieldsOf(event, envelope))
}

export const pongMessage = (envelope: Envelope): ServerMessage => message('pong', envelope, {})

/** A refusal outside an attempt: bad input, an expired token, a store that is away. */
export function errorMessage(
  failure: Failure,
  envelope: Envelope,
  event: 'error' | 'pairing-code-error' | 'credentials-reset-error' = 'error',
  field?: string,
): ServerMessage {
  return message(event, envelope, failureFields(failure, envelope.language, field))
}

export function statusMessage(
  state: CompanyState,
  lease: LeaseView | undefined,
  staleMs: number,
  envelope: Envelope,
): ServerMessage {
  const session = sessionView(state, lease, staleMs, envelope.at)
  const { attempt } = state
  return message('status', envelope, {
    session: session.status,
    ...(session.phone && { phoneNumber: maskPhone(session.phone) }),
    ...(attempt && { attempt: attemptFields(attempt, envelope.at) }),
  })
}

/** An attempt as a client polls it, over the WebSocket or HTTP. */
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

/** The sentence names a `field` at fault; `reason` tells developers, in English, what is wrong with it. */
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

/** The sentence for a failure in the reader's language, completed by its detail. */
export function sentence(failure: Failure, language: Language): string {
  const text = failure.action === 'use-qr' ? useQr[language] : errorSpec(failure.code)[language]
  return failure.detail && !isForDevelopers(failure) ? `${text}: ${failure.detail}` : text
}

/** WhatsApp rejects the code and not the account: the QR is the way. */
const useQr: Readonly<Record<Language, string>> = {
  ru: 'WhatsApp не выдаёт код для этого аккаунта. Отсканируйте QR-код',
  en: 'WhatsApp gives no code for this account. Scan the QR instead',
}

const codeSentence = (code: ErrorCode, language: Language) => sentence({ code }, language)

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
      return { code: event.code, message: codeSentence(event.code, language), willReconnect: event.willReconnect }
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
