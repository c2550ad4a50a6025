/** Deadlines that hold even when no host is alive: watchdog, hosts' timers and new requests all call `timeOut`. */
import { type Attempt, deadlineOf, isExpiryReported } from '../company/attempt.ts'
import { cleanupDeadline, settleCleanup } from '../company/cleanup.ts'
import { type CompanyState, type Decision, decision, notice, without } from '../company/company.ts'
import { endAttempt } from './attempt-end.ts'
import { progress } from './attempt-events.ts'

/** Takes the steps that are overdue at `now`: about the attempt, waiting resets, devices that could not be unlinked. */
export function timeOut(state: CompanyState, now: number): Decision<void> {
  const { attempt } = state
  if (!attempt || now < deadlineOf(attempt)) return settleCleanup(state, now)
  const moved = timeOutAttempt(state, attempt, now)
  // A caller that comes late may find the next deadline passed as well, such as that of the socket after the code's.
  const rest = timeOut(moved.state, now)
  return decision(rest.state, undefined, [...moved.notices, ...rest.notices])
}

/** Epoch ms at which `timeOut` has something to do next; undefined when there is no deadline. */
export function nextDeadline(state: CompanyState): number | undefined {
  const deadlines = state.cleanup.map(cleanupDeadline).filter((at) => at !== undefined)
  if (state.attempt) deadlines.push(deadlineOf(state.attempt))
  return deadlines.length > 0 ? Math.min(...deadlines) : undefined
}

function timeOutAttempt(state: CompanyState, attempt: Attempt, now: number): Decision<void> {
  switch (attempt.state) {
    case 'requested':
      return endAttempt(state, { code: 'HOST_UNAVAILABLE' }, 'failed', now)
    case 'connecting':
      return endAttempt(
        state,
        { code: attempt.awaitsSession ? 'WHATSAPP_UNAVAILABLE' : 'PAIRING_TIMEOUT' },
        'failed',
        now,
      )
    case 'storing':
    case 'restarting':
      return endAttempt(state, { code: 'PAIRING_TIMEOUT' }, 'failed', now)
    case 'code-issued':
      return expire(state, attempt)
    case 'phone-confirmed':
      return mistyped(state, attempt, now)
    case 'expired':
      return endAttempt(state, { code: 'CODE_EXPIRED' }, 'expired', now)
  }
}

type Issued = Extract<Attempt, { state: 'code-issued' | 'phone-confirmed' | 'expired' }>

/** Requests get one answer: when a code typed late was wrong, only other connections get the event again. */
function expire(state: CompanyState, attempt: Issued): Decision<void> {
  const { attemptId, waiting } = attempt
  const expired: Attempt = {
    ...without(attempt as Issued & { answerBy?: number; isLate?: true }, 'answerBy', 'isLate'),
    state: 'expired',
  }
  const failure = { code: 'CODE_EXPIRED' } as const
  return decision({ ...state, attempt: expired }, undefined, [
    notice({ event: 'pairing-code-error', attemptId, failure }, isExpiryReported(attempt) ? [] : waiting),
  ])
}

/** WhatsApp does not report a wrong code: pair-success does not come, and the code may be typed again (R18). */
function mistyped(
  state: CompanyState,
  attempt: Extract<Attempt, { state: 'phone-confirmed' }>,
  now: number,
): Decision<void> {
  if (now >= attempt.expiresAt) return expire(state, attempt)
  const back: Attempt = { ...without(attempt, 'answerBy', 'isLate'), state: 'code-issued' }
  return decision({ ...state, attempt: back }, undefined, [progress(attempt, 'code-issued')])
}
