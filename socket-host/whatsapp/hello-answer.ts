/** Translates WhatsApp's answer to companion_hello; its codes are known nowhere else (requirements, "Error codes"). */
import type { Failure } from '#shared/domain/values/errors.ts'

/** Seconds to wait after WhatsApp's own 429, which does not say for how long. */
const rateLimitSeconds = 600

const refusals: Readonly<Record<number, Failure>> = {
  /** bad-request: also what an unknown platform display and some per-number throttling look like. */
  400: { code: 'CLIENT_REJECTED' },
  403: { code: 'CLIENT_REJECTED' },
  /** item-not-found: WhatsApp does not know the number. */
  404: { code: 'INVALID_PHONE' },
  /** rate-overlimit. */
  429: { code: 'RATE_LIMITED', retryAfter: rateLimitSeconds },
  /** feature-not-available: this account links by QR only. */
  452: { code: 'CLIENT_REJECTED', action: 'use-qr' },
}

/** The failure of an attempt whose code WhatsApp refused with `code`. */
export function helloRefusal(code: number): Failure {
  return refusals[code] ?? { code: code >= 500 ? 'WHATSAPP_UNAVAILABLE' : 'CLIENT_REJECTED' }
}

/** The socket closed before WhatsApp had answered. */
export const helloClosed: Failure = { code: 'WHATSAPP_UNAVAILABLE' }

/** WhatsApp never answered. */
export const helloUnanswered: Failure = { code: 'PAIRING_TIMEOUT' }
