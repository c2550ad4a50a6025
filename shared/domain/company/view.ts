/** What readers are shown of a company's state. */
import type { ErrorCode } from '../values/errors.ts'
import { type Attempt, type AttemptState, isToldExpired } from './attempt.ts'
import type { CompanyState, SessionStatus, Unlinked } from './company.ts'

/** The lease of the company's shard as a reader sees it: advisory wall-clock times, enough for a display (R42). */
export type LeaseView = { readonly epoch: number; readonly ownerId?: string; readonly renewedAt: number }

export type SessionView = {
  readonly status: SessionStatus | 'none'
  readonly phone?: string
  readonly since?: number
  readonly hostId?: string
  readonly error?: ErrorCode
  readonly unlinked?: Unlinked
}

/**
 * The session as it may be believed: `connected` and `connecting` only count when the host that wrote them still holds
 * an up-to-date lease.
 */
export function sessionView(
  state: CompanyState,
  lease: LeaseView | undefined,
  staleMs: number,
  now: number,
): SessionView {
  const { session, credentials, unlinked } = state
  const common = { ...(credentials?.phone && { phone: credentials.phone }), ...(unlinked && { unlinked }) }
  if (!session) return { status: credentials ? 'reconnecting' : 'none', ...common }
  const { status, since, hostId, error } = session
  const isHeld = lease?.ownerId !== undefined && lease.epoch === session.epoch && now - lease.renewedAt < staleMs
  const isEnded = status === 'stopped' || status === 'logged-out'
  return {
    status: isEnded || isHeld ? status : 'reconnecting',
    since,
    ...(isHeld && hostId && { hostId }),
    ...(error && { error }),
    ...common,
  }
}

export type AttemptView = {
  readonly attemptId: string
  readonly state: Exclude<AttemptState, 'storing'>
  readonly phone?: string
  readonly code?: string
  readonly qr?: string
  readonly expiresAt?: number
  readonly deadline: number
}

/** The attempt as the company's own clients see it; what has expired is not shown again. */
export function attemptView(attempt: Attempt): AttemptView {
  const { attemptId, state, phone, deadline } = attempt
  const isShown = 'shown' in attempt && !isToldExpired(attempt)
  return {
    attemptId,
    // Where credentials are kept while WhatsApp restarts the socket is no step of the owner's.
    state: state === 'storing' ? 'restarting' : state,
    deadline,
    ...(phone && { phone }),
    ...(isShown && { ...attempt.shown, expiresAt: attempt.expiresAt }),
  }
}
