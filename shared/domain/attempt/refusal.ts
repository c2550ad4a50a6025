/** Requests that are answered at once, with nothing started and nothing spent (R8, R9). */
import type { Attempt } from '../company/attempt.ts'
import type { CompanyState, Session } from '../company/company.ts'
import type { Failure } from '../values/errors.ts'
import { differs } from '../values/phone.ts'

/** Seconds after which to ask again while a stop is not about one account: hosts try one such session a minute. */
const sharedStopRetrySeconds = 60

/**
 * True when a session is stopped for a reason that is not its account's (R45): WhatsApp refuses this version, refuses
 * more sessions than the fuse lets through, or this host can read no credentials at all. Such a stop ends by itself.
 */
export const isSharedStop = ({ status, error }: Session): boolean =>
  status === 'stopped' && (error === 'CLIENT_OUTDATED' || error === 'LOGGED_OUT' || error === 'INTERNAL')

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
  if (isSharedStop(session)) {
    // "Logged out" would send the owner to link again, which is what would destroy the link.
    const code = error === 'LOGGED_OUT' ? 'WHATSAPP_UNAVAILABLE' : error
    return { code, retryAfter: sharedStopRetrySeconds }
  }
  if (until === undefined || now >= until || differs(credentials.phone, phone)) return undefined
  return { code: error, retryAfter: Math.ceil((until - now) / 1000) }
}
