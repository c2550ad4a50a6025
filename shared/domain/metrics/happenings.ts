/** Facts about a written decision, derived from the state before and after it, for metrics and reports. */
import type { Attempt } from '../company/attempt.ts'
import { type CompanyState, isEnded, type Retired } from '../company/company.ts'
import type { ErrorCode } from '../values/errors.ts'
import { samePhone } from '../values/phone.ts'
import type { Outcome } from './metrics.ts'

/** A request for another phone than the linked one (R8). */
export type PhoneChange = {
  readonly storedPhone: string
  readonly askedPhone: string
  readonly method: Attempt['method']
  /** Milliseconds since the stored phone was linked. */
  readonly credentialAgeMs: number
  /** Epoch ms of the last time the stored phone's session was connected. */
  readonly connectedAt?: number
  /** True when the device was still linked at WhatsApp, as far as the state shows. */
  readonly wasLinked: boolean
  /** Earlier attempts, the latest last: `qr failed INVALID_PHONE`, `code code-issued`. */
  readonly steps: readonly string[]
}

/** One fact; `tookMs` is in milliseconds. */
export type Happening =
  | { readonly type: 'requested' }
  | { readonly type: 'phoneChanged'; readonly change: PhoneChange }
  | { readonly type: 'codeIssued' | 'linked'; readonly tookMs: number }
  | { readonly type: 'phoneConfirmed' }
  | { readonly type: 'attemptEnded'; readonly outcome: Outcome }
  /** The unlinking of a retired generation's device has ended. */
  | { readonly type: 'unlinked'; readonly result: 'confirmed' | 'unconfirmed'; readonly tookMs: number }
  /** A connected session has closed and is reopened. */
  | { readonly type: 'sessionInterrupted' }
  /** WhatsApp has ended a session for good, and no attempt has ended with it. */
  | { readonly type: 'sessionStopped'; readonly code: ErrorCode }

/** A written decision: the state before and after it, and its time (epoch ms). */
export type Written = { readonly before: CompanyState; readonly after: CompanyState; readonly now: number }

/** Returns the facts of a decision. Each fact appears once: a decision is written once, and only changes count. */
export const happeningsOf = (written: Written): readonly Happening[] => [
  ...ends(written),
  ...requests(written),
  ...progress(written),
  ...cleanUps(written),
  ...sessionChanges(written),
]

/** The end of an attempt. One whose code has expired ends later, with its socket. */
function ends({ before: { attempt }, after, now }: Written): readonly Happening[] {
  const { lastAttempt } = after
  if (!attempt || after.attempt?.attemptId === attempt.attemptId) return []
  if (lastAttempt?.attemptId !== attempt.attemptId) return []
  const ended = (outcome: Outcome): Happening => ({ type: 'attemptEnded', outcome })
  if (lastAttempt.state !== 'connected') return [ended(lastAttempt.failure?.code ?? 'INTERNAL')]
  const isNewLink = attempt.state === 'restarting'
  const linked: Happening = { type: 'linked', tookMs: now - attempt.requestedAt }
  return [ended('connected'), ...(isNewLink ? [linked] : [])]
}

function requests({ before, after, now }: Written): readonly Happening[] {
  const { attempt } = after
  if (!attempt || attempt.attemptId === before.attempt?.attemptId) return []
  const change = phoneChange(before, attempt, now)
  return [{ type: 'requested' }, ...(change ? [{ type: 'phoneChanged', change } as const] : [])]
}

function phoneChange(before: CompanyState, asked: Attempt, now: number): PhoneChange | undefined {
  const { credentials, session, attempt, lastAttempt } = before
  if (!credentials?.phone || !asked.phone || samePhone(credentials.phone, asked.phone)) return undefined
  const { connectedAt, status } = session ?? {}
  const last =
    lastAttempt && [lastAttempt.method, lastAttempt.state, lastAttempt.failure?.code].filter(Boolean).join(' ')
  return {
    storedPhone: credentials.phone,
    askedPhone: asked.phone,
    method: asked.method,
    credentialAgeMs: now - credentials.linkedAt,
    wasLinked: status !== 'stopped' && status !== 'logged-out',
    steps: [...(last ? [last] : []), ...(attempt ? [`${attempt.method} ${attempt.state}`] : [])],
    ...(connectedAt !== undefined && { connectedAt }),
  }
}

function progress({ before: { attempt: was }, after: { attempt }, now }: Written): readonly Happening[] {
  if (!was || was.attemptId !== attempt?.attemptId || was.state === attempt.state) return []
  // From `phone-confirmed` back to `code-issued` it is the same code again.
  if (attempt.state === 'code-issued' && was.state === 'connecting')
    return [{ type: 'codeIssued', tookMs: now - attempt.requestedAt }]
  return attempt.state === 'phone-confirmed' ? [{ type: 'phoneConfirmed' }] : []
}

const cleanUps = ({ before, after, now }: Written): readonly Happening[] =>
  after.cleanup.flatMap(({ generation, unlink, retiredAt }) => {
    const was = before.cleanup.find((entry: Retired) => entry.generation === generation)
    if (was?.unlink !== 'pending' || (unlink !== 'confirmed' && unlink !== 'unconfirmed')) return []
    return [{ type: 'unlinked', result: unlink, tookMs: now - retiredAt }]
  })

function sessionChanges({ before, after }: Written): readonly Happening[] {
  const [was, is] = [before.session?.status, after.session?.status]
  if (was === is) return []
  if (was === 'connected' && is === 'reconnecting') return [{ type: 'sessionInterrupted' }]
  const code = isEnded(after.session) ? after.session?.error : undefined
  // A session that ended with its attempt was counted as the end of the attempt.
  return code !== undefined && before.attempt?.state !== 'restarting' ? [{ type: 'sessionStopped', code }] : []
}
