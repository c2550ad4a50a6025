/** The end of every attempt that does not end as `connected`. */
import { type Attempt, type AttemptOutcome, isExpiryReported } from '../company/attempt.ts'
import { type CompanyState, type Decision, decision, notice, without } from '../company/company.ts'
import { toldLoggedOut } from '../company/logged-out.ts'
import { retireUndone, retireUninstalled } from '../company/retirement.ts'
import type { ErrorCode, Failure } from '../values/errors.ts'

/** Failures that a code typed after its expiry can cause. They are news to a client that was told of the expiry. */
const failuresAfterExpiry: readonly ErrorCode[] = [
  'CREDENTIALS_CONFLICT',
  'PASSKEY_REQUIRED',
  'ACCOUNT_RESTRICTED',
  'CLIENT_REJECTED',
]

/**
 * Ends the attempt and releases the mutex. A link that is not installed is retired with it; one that is installed is a
 * stored link, which only a cancel and another phone undo (R11, R45). The client of an expired attempt has its answer
 * and gets no other, unless a code typed late led to a failure of its own.
 */
export function endAttempt(
  before: CompanyState,
  reason: Failure,
  how: Exclude<AttemptOutcome['state'], 'connected'>,
  now: number,
): Decision<void> {
  const { attempt } = before
  if (!attempt) return decision(before, undefined)
  const { state, failure } =
    reason.code === 'LOGGED_OUT' ? toldLoggedOut(before, reason, now) : { state: before, failure: reason }
  const rest = withoutLink(state, attempt, failure, how, now)
  const { attemptId, method, waiting } = attempt
  const isOver = attempt.state === 'expired' && !failuresAfterExpiry.includes(failure.code)
  const lastAttempt: AttemptOutcome = isOver
    ? { attemptId, method, state: 'expired', failure: { code: 'CODE_EXPIRED' }, at: now }
    : { attemptId, method, state: how, failure, at: now }
  // The requests were answered at the expiry. The company's other connections still show a phone that has answered.
  const unanswered = isExpiryReported(attempt) && !failuresAfterExpiry.includes(failure.code) ? [] : waiting
  const notices = isOver ? [] : [notice({ event: 'pairing-code-error', attemptId, failure }, unanswered)]
  return decision({ ...without(rest, 'attempt'), lastAttempt }, undefined, notices)
}

function withoutLink(
  state: CompanyState,
  attempt: Attempt,
  { code }: Failure,
  how: AttemptOutcome['state'],
  now: number,
): CompanyState {
  if (attempt.state === 'storing') return retireUninstalled(state, attempt.link, code === 'LOGGED_OUT', now)
  if (attempt.state !== 'restarting') return state
  if (how === 'cancelled' || how === 'superseded') return retireUndone(state, now)
  // The link stays, and its session goes on trying; `whatsapp-connected` tells when it is up.
  return state.session ? { ...state, session: { ...state.session, status: 'reconnecting', error: code } } : state
}
