/** Requests that are answered at once, with nothing started and nothing spent (R8, R9). */
import type { Attempt } from '../company/attempt.ts'
import { isCleanupFull } from '../company/cleanup.ts'
import type { CompanyState, Session } from '../company/company.ts'
import type { Failure } from '../values/errors.ts'
import { differs } from '../values/phone.ts'

/** Seconds after which to ask again while a stop is not about one account: hosts try one such session a minute. */
const sharedStopRetrySeconds = 60

/** Seconds after which to ask again while too many retired generations wait to be removed. */
const cleanupRetrySeconds = 60

/** Seconds from `now` to `until` (epoch ms), for `retryAfter`; one at least. */
export const secondsTo = (until: number, now: number): number => Math.max(1, Math.ceil((until - now) / 1000))

/** A reason that is not one account's (R45); `removed` and `refused` are the fuses that had no place. */
export type SharedReason = 'CLIENT_OUTDATED' | 'INTERNAL' | NonNullable<Session['fuse']>

/**
 * Returns the reason of an end that others may share, and that a connect disproves for all of them: WhatsApp refuses this
 * version, it ends more sessions than the fuse lets through, or this host can read no credentials. A refusal that found a
 * place at the fuse may be one of a wave. Undefined for any other session.
 */
export function sharedReason({ status, error, fuse, refusals }: Session): SharedReason | undefined {
  if (status === 'logged-out') return refusals && 'refused'
  if (status !== 'stopped') return undefined
  return fuse ?? (error === 'CLIENT_OUTDATED' || error === 'INTERNAL' ? error : undefined)
}

/** True when a session is stopped for a reason that is not its account's (R45). Such a stop ends by itself. */
export const isSharedStop = (session: Session): boolean =>
  session.status === 'stopped' && sharedReason(session) !== undefined

/**
 * Returns the failure of a request that a new code could not help: too much waits to be removed, WhatsApp refuses this
 * version, nothing can be read here, or the stored session is restricted until a known time and the request is for the
 * same phone. `now` is epoch ms.
 */
export function pairingRefusal(
  state: CompanyState,
  { phone }: Pick<Attempt, 'phone'>,
  now: number,
): Failure | undefined {
  if (isCleanupFull(state)) return { code: 'BUSY', retryAfter: cleanupRetrySeconds }
  const { credentials, session } = state
  if (!credentials || session?.status !== 'stopped') return undefined
  const { error = 'INTERNAL', until, isAlone } = session
  if (error === 'CLIENT_OUTDATED' || (error === 'INTERNAL' && !isAlone))
    return { code: error, retryAfter: sharedStopRetrySeconds }
  if (until === undefined || now >= until || differs(credentials.phone, phone)) return undefined
  return { code: error, action: 'wait', retryAfter: secondsTo(until, now) }
}
