/** How a company goes on under another host (R6, R28). */
import { endAttempt } from '../attempt/attempt-end.ts'
import { type Attempt, attemptTimes, type Owner } from '../company/attempt.ts'
import {
  type CompanyState,
  type Decision,
  decision,
  type Session,
  type SessionStatus,
  type Stale,
} from '../company/company.ts'
import { enter } from './session.ts'

/**
 * A host has taken the company's shard over: from here on its predecessor is refused. What only the predecessor's
 * sockets could have finished has failed; a link that was installed lives on (R6, R28).
 */
export function adoptCompany(state: CompanyState, owner: Owner, now: number): Decision<'adopted' | Stale> {
  if (state.epoch > owner.epoch) return decision(state, 'stale')
  const adopted = adoptAttempt(state, owner, now)
  const session = adopted.state.session
  const held: CompanyState =
    session && isTriedAgain(session)
      ? { ...adopted.state, session: enter(adopted.state, statusOnAdoption(session), owner, now) }
      : adopted.state
  return decision({ ...held, epoch: owner.epoch }, 'adopted', adopted.notices)
}

/**
 * A new owner may be a newer build, so that a refused version is tried once more. Other stopped sessions wait for
 * somebody: a request for a code pairs afresh, a reset forgets them (R9).
 */
const isTriedAgain = ({ status, error }: Session): boolean =>
  status === 'stopped' ? error === 'CLIENT_OUTDATED' : status !== 'logged-out'

const statusOnAdoption = (session: Session): SessionStatus =>
  session.status === 'connecting' ? 'connecting' : 'reconnecting'

function adoptAttempt(state: CompanyState, owner: Owner, now: number): Decision<void> {
  const { attempt } = state
  if (!attempt || attempt.state === 'requested' || attempt.owner.epoch === owner.epoch)
    return decision(state, undefined)
  if (attempt.state !== 'restarting') return endAttempt(state, { code: 'HOST_UNAVAILABLE' }, 'failed', now)
  const moved: Attempt = { ...attempt, owner, connectBy: now + attemptTimes.connectMs }
  return decision({ ...state, attempt: moved }, undefined)
}
