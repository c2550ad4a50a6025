/** Events about a running attempt. */
import type { Attempt } from '../company/attempt.ts'
import { type CompanyEvent, type Notice, notice } from '../company/company.ts'

/** Events for a client that joins an attempt: its code or QR, or that the phone is linked; none before that. */
export function shownEvents(attempt: Attempt): readonly CompanyEvent[] {
  if (attempt.state === 'storing' || attempt.state === 'restarting')
    return [{ event: 'pairing-progress', attemptId: attempt.attemptId, state: 'restarting' }]
  if (!('shown' in attempt)) return []
  const { attemptId, shown, expiresAt, phone } = attempt
  return 'qr' in shown
    ? [{ event: 'qr', attemptId, qr: shown.qr, expiresAt }]
    : [{ event: 'pairing-code', attemptId, code: shown.code, expiresAt, ...(phone && { phone }) }]
}

/** Tells a client that the attempt holds the mutex, and until when (`deadline`, epoch ms) it may wait for a code. */
export const startedEvent = ({ attemptId, phone, deadline }: Attempt): CompanyEvent => ({
  event: 'pairing-started',
  attemptId,
  deadline,
  ...(phone && { phone }),
})

/** Tells the whole company that the attempt has reached a step. It answers no request. */
export const progress = ({ attemptId }: Attempt, state: 'phone-confirmed' | 'code-issued' | 'restarting'): Notice =>
  notice({ event: 'pairing-progress', attemptId, state })
