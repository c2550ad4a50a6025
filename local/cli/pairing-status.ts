/**
 * Reads the outcome of an attempt from a `status`, for when its own events got lost. Pure, so that it can be tested
 * without a server.
 */
import { maskPhone } from '#shared/domain/values/phone.ts'
import { type Frame, linesFor } from './pair-display.ts'

/** The attempt as the client knows it from `pairing-started`. */
export type KnownAttempt = {
  readonly attemptId?: unknown
  /** Digits, as the server normalised the number. */
  readonly phone?: unknown
}

export type AttemptStatus =
  /** `frame` is the event that shows the attempt. */
  | { readonly kind: 'running'; readonly frame: Frame }
  /** The attempt has ended with an unknown outcome. */
  | { readonly kind: 'gone'; readonly exitCode: 1; readonly lines: readonly string[] }
  | { readonly kind: 'over'; readonly exitCode: 0 | 1; readonly lines: readonly string[] }

const failed = (reason: string) => ({ exitCode: 1, lines: [reason, 'Run the command again.'] }) as const

/** Returns the state of the attempt according to the status. */
export function attemptStatus(status: Frame, { attemptId, phone }: KnownAttempt): AttemptStatus {
  const attempt = status['attempt'] as Frame | undefined
  if (attempt) {
    if (attemptId !== undefined && attempt['attemptId'] !== attemptId)
      return { kind: 'over', ...failed('Another request has replaced this one.') }
    // The attempt only waits for a code that is typed late, and sends its client no more events.
    if (attempt['state'] === 'expired') return { kind: 'over', ...failed('The code has expired.') }
    return { kind: 'running', frame: { ...attempt, event: eventOf(attempt) } }
  }
  if (status['session'] === 'connected' && isOf(status['phoneNumber'], phone)) {
    const phoneNumber = phone ?? status['phoneNumber']
    return { kind: 'over', exitCode: 0, lines: linesFor({ event: 'whatsapp-connected', phoneNumber }) }
  }
  return { kind: 'gone', ...failed('The pairing has ended, but the message with its outcome was lost.') }
}

/** Returns the event that shows an attempt in this state; `status`, which shows nothing, when it has no code and no QR. */
const eventOf = (attempt: Frame): string => (attempt['code'] ? 'pairing-code' : attempt['qr'] ? 'qr' : 'status')

/** True when the masked number may be that of `phone`: a company can still be connected with its previous phone. */
const isOf = (masked: unknown, phone: unknown): boolean => typeof phone !== 'string' || masked === maskPhone(phone)
