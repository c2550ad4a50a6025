/** Requests that are answered at once, with nothing started and nothing spent (R8, R9). */
import type { Attempt } from '../company/attempt.ts'
import type { CompanyState, Session } from '../company/company.ts'
import type { ErrorCode, Failure } from '../values/errors.ts'
import { differs } from '../values/phone.ts'

/** Seconds after which to ask again while a stop is not about one account: hosts try one such session a minute. */
const sharedStopRetrySeconds = 60

/**
 * Error of a session that is stopped because WhatsApp has ended more sessions than the fuse lets through. "Logged out"
 * would send the owner to link again, which is what would destroy the link.
 */
export const beyondFuse = 'WHATSAPP_UNAVAILABLE'

/**
 * True when a session is stopped for a reason that is not its account's (R45): WhatsApp refuses this version, ends more
 * sessions than the fuse lets through, or this host can read no credentials at all. Such a stop ends by itself.
 */
export const isSharedStop = ({ status, error }: Session): boolean =>
  status === 'stopped' && (error === 'CLIENT_OUTDATED' || error === beyondFuse || error === 'INTERNAL')

/**
 * Returns the reason of an end that others may share, and that a connect disproves for all of them: that of a shared
 * stop, or a refusal. Undefined for any other session.
 */
export function sharedReason(session: Session): ErrorCode | undefined {
  if (isSharedStop(session)) return session.error
  return session.status === 'logged-out' && session.refusals ? beyondFuse : undefined
}

/**
 * Returns the failure of a request that a new code could not help: the stored session is stopped for a reason that is
 * not its account's, or is restricted until a known time and the request is for the same phone. `now` is epoch ms.
 */
export function pairingRefusal(
  { credentials, session }: CompanyState,
  { phone }: Pick<Attempt, 'phone'>,
  now: number,
): Failure | undefined {
  if (!credentials || session?.status !== 'stopped') return undefined
  const { error = 'INTERNAL', until } = session
  if (isSharedStop(session)) return session.isAlone ? undefined : { code: error, retryAfter: sharedStopRetrySeconds }
  if (until === undefined || now >= until || differs(credentials.phone, phone)) return undefined
  return { code: error, retryAfter: Math.ceil((until - now) / 1000) }
}
