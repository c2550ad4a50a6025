/** The step for a request that no host has accepted, above all on a host that leaves. */
import { isLinked } from '#shared/domain/attempt/acceptance.ts'
import { secondsTo } from '#shared/domain/attempt/refusal.ts'
import { type Attempt, attemptTimes, deadlineOf } from '#shared/domain/company/attempt.ts'
import { type CompanyState, isEnded } from '#shared/domain/company/company.ts'
import type { Running, Step, ThisHost } from './next-step.ts'

/** True when a code of the attempt can be on screen, and typed late, for long enough before the host leaves. */
export const canShowCode = ({ deadline }: Attempt, { handOverAt }: ThisHost): boolean =>
  deadline + attemptTimes.leastShownMs + attemptTimes.graceMs <= handOverAt

/**
 * Returns the step for a request. A host that leaves accepts one only if its code can be on screen for long enough. It
 * leaves others to its successor, and rejects those that would time out before: their owners are told when a retry works
 * (R28).
 */
export function requestStep(state: CompanyState, attempt: Attempt, host: ThisHost, now: number): Step | undefined {
  if (now >= deadlineOf(attempt)) return { do: 'timeOut' }
  if (canShowCode(attempt, host) || isLinked(state, attempt)) return { do: 'acceptAttempt', attempt }
  if (Math.max(host.leavesAt, now) + attemptTimes.successorNeedsMs <= attempt.deadline) return undefined
  return { do: 'rejectAttempt', attempt, retryAfter: secondsTo(host.leavesAt, now) }
}

/**
 * A request may be all that there is to adopt: accepting it writes the epoch as well. A session is adopted first, because
 * it must be told as this host's.
 */
export function adoptingStep(state: CompanyState, running: Running, host: ThisHost, now: number): Step {
  const { attempt, session } = state
  const isRequestAlone = !running.registration && !running.session && (!session || isEnded(session))
  const step = isRequestAlone && attempt?.state === 'requested' && requestStep(state, attempt, host, now)
  return step && step.do === 'acceptAttempt' ? step : { do: 'adopt' }
}
