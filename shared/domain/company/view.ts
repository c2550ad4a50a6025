/** Views of a company's state for clients and admins. */
import type { ErrorCode } from '../values/errors.ts'
import { type Attempt, type AttemptState, isExpiryReported } from './attempt.ts'
import { type CompanyState, isEnded, type SessionStatus, type Unlinked } from './company.ts'

/** The lease of the company's shard for readers. `renewedAt` is the host's wall clock: enough for display (R42). */
export type LeaseView = { readonly epoch: number; readonly ownerId?: string; readonly renewedAt: number }

export type SessionView = {
  readonly status: SessionStatus | 'none'
  readonly phone?: string
  readonly since?: number
  readonly hostId?: string
  readonly error?: ErrorCode
  /** Epoch ms at which a restriction ends, and the session logs in by itself (R48). */
  readonly until?: number
  readonly unlinked?: Unlinked
}

/**
 * Returns the session as it may be shown: `connected` and `connecting` count only while the host that wrote them has an
 * up-to-date lease, and are `reconnecting` otherwise (R42). `staleMs` is the age at which a lease is stale.
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
  const { status, since, hostId, error, until } = session
  const isHeld = lease?.ownerId !== undefined && lease.epoch === session.epoch && now - lease.renewedAt < staleMs
  const hasEnded = isEnded(session)
  return {
    status: hasEnded || isHeld ? status : 'reconnecting',
    since,
    ...(isHeld && hostId && { hostId }),
    ...(error && { error }),
    ...(hasEnded && until !== undefined && { until }),
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

/** Returns the attempt as the company's own clients see it, without an expired code. Times are epoch ms. */
export function attemptView(attempt: Attempt): AttemptView {
  const { attemptId, state, phone, deadline } = attempt
  const isShown = 'shown' in attempt && !isExpiryReported(attempt)
  return {
    attemptId,
    // Storing the credentials is not a step that the owner can see: to clients it is part of the restart.
    state: state === 'storing' ? 'restarting' : state,
    deadline,
    ...(phone && { phone }),
    ...(isShown && { ...attempt.shown, expiresAt: attempt.expiresAt }),
  }
}
