/** Adoption: another host takes a company over (R6, R28). */
import { requeueAttempt } from '../attempt/acceptance.ts'
import { endAttempt } from '../attempt/attempt-end.ts'
import { type Attempt, attemptTimes, type Owner } from '../company/attempt.ts'
import {
  type CompanyState,
  type Decision,
  decision,
  isEnded,
  type Session,
  type SessionStatus,
  type Stale,
} from '../company/company.ts'
import { enter } from './session.ts'

/**
 * A host has claimed the company's shard: writes its epoch, so that its predecessor is refused from here on. An attempt
 * without a code begins again here; one that only the predecessor could finish fails; a committed link gets time to
 * connect (R6, R28).
 */
export function adoptCompany(state: CompanyState, owner: Owner, now: number): Decision<'adopted' | Stale> {
  if (state.epoch > owner.epoch) return decision(state, 'stale')
  const adopted = adoptAttempt(state, owner, now)
  const session = adopted.state.session
  const held: CompanyState =
    session && isRetried(session)
      ? { ...adopted.state, session: enter(adopted.state, statusOnAdoption(session), owner, now) }
      : adopted.state
  return decision({ ...held, epoch: owner.epoch }, 'adopted', adopted.notices)
}

/**
 * True when the new owner opens the session. One that has ended stays so until it connects. If it was stopped for a reason
 * that is not its account's, the new owner, which may be a newer build, tries it at once (R45); others wait for their time
 * (R46, R48), a request or a reset (R9).
 */
const isRetried = (session: Session): boolean => !isEnded(session)

const statusOnAdoption = (session: Session): SessionStatus =>
  session.status === 'connecting' ? 'connecting' : 'reconnecting'

function adoptAttempt(state: CompanyState, owner: Owner, now: number): Decision<void> {
  const { attempt } = state
  if (!attempt || attempt.state === 'requested' || attempt.owner.epoch === owner.epoch)
    return decision(state, undefined)
  const requeued = requeueAttempt(state, now)
  if (requeued) return decision(requeued, undefined)
  if (attempt.state !== 'restarting') return endAttempt(state, { code: 'HOST_UNAVAILABLE' }, 'failed', now)
  const moved: Attempt = { ...attempt, owner, connectBy: now + attemptTimes.connectMs }
  return decision({ ...state, attempt: moved }, undefined)
}
