/** What clients hear of a running attempt. */
import type { Attempt } from '../company/attempt.ts'
import { type CompanyEvent, type Notice, notice } from '../company/company.ts'

/** What a client that asks now is told of an attempt that has something on screen or is past it. */
export function shownEvents(attempt: Attempt): readonly CompanyEvent[] {
  if (attempt.state === 'storing' || attempt.state === 'restarting')
    return [{ event: 'pairing-progress', attemptId: attempt.attemptId, state: 'restarting' }]
  if (!('shown' in attempt)) return []
  const { attemptId, shown, expiresAt, phone } = attempt
  return 'qr' in shown
    ? [{ event: 'qr', attemptId, qr: shown.qr, expiresAt }]
    : [{ event: 'pairing-code', attemptId, code: shown.code, expiresAt, ...(phone && { phone }) }]
}

/** The mutex is taken: the client may wait for a code until `deadline`. */
export const startedEvent = ({ attemptId, phone, deadline }: Attempt): CompanyEvent => ({
  event: 'pairing-started',
  attemptId,
  deadline,
  ...(phone && { phone }),
})

/** The attempt has moved on by a step that the owner should see; it answers nobody's request. */
export const progress = ({ attemptId }: Attempt, state: 'phone-confirmed' | 'code-issued' | 'restarting'): Notice =>
  notice({ event: 'pairing-progress', attemptId, state })
