/** Translates WhatsApp's answer to companion_hello. No other file knows its codes (requirements, "Error codes"). */
import type { Failure } from '#shared/domain/values/errors.ts'

/** Seconds to wait after a 429 from WhatsApp, which names no time itself (R24). */
const rateLimitSeconds = 600

const refusals: Readonly<Record<number, Failure>> = {
  /** bad-request. WhatsApp also answers so to an unknown platform display, and to some throttled numbers. */
  400: { code: 'CLIENT_REJECTED' },
  403: { code: 'CLIENT_REJECTED' },
  /** item-not-found: WhatsApp does not know the number. */
  404: { code: 'INVALID_PHONE' },
  /** rate-overlimit. */
  429: { code: 'RATE_LIMITED', retryAfter: rateLimitSeconds },
  /** feature-not-available: this account links by QR only. */
  452: { code: 'CLIENT_REJECTED', action: 'use-qr' },
}

/** Returns the failure of an attempt whose companion_hello WhatsApp has refused with the error `code`. */
export function helloRefusal(code: number): Failure {
  return refusals[code] ?? { code: code >= 500 ? 'WHATSAPP_UNAVAILABLE' : 'CLIENT_REJECTED' }
}

/** Failure of an attempt whose socket closed before WhatsApp answered. */
export const helloClosed: Failure = { code: 'WHATSAPP_UNAVAILABLE' }

/** Failure of an attempt whose companion_hello WhatsApp did not answer in time. */
export const helloUnanswered: Failure = { code: 'PAIRING_TIMEOUT' }
