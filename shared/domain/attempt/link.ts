/** From pair-success to current credentials: the link is recorded, stored, made current (R6, R7, R11). */
import { type Attempt, attemptTimes, type Link } from '../company/attempt.ts'
import {
  type AttemptRef,
  type CompanyState,
  type Decision,
  decision,
  ownAttempt,
  type Stale,
  without,
} from '../company/company.ts'
import { retireForLink } from '../company/retirement.ts'
import { differs } from '../values/phone.ts'
import { endAttempt } from './attempt-end.ts'
import { progress } from './attempt-events.ts'

/**
 * The generation that was current when the host accepted. If another one is by now, the link is stale (R15). It is not
 * stale when the attempt itself has retired that generation since (`replaces`).
 */
export type Seen = { readonly seenGeneration?: string }

const isAsSeen = ({ attempt, credentials }: CompanyState, seenGeneration: string | undefined): boolean =>
  credentials?.generation === seenGeneration ||
  (credentials === undefined && attempt?.replaces !== undefined && attempt.replaces === seenGeneration)

/**
 * Pair-success: records in the attempt the generation under which its credentials are about to be stored. However the
 * attempt ends from here on, its generation and key are known, so that the device can be removed. A phone other than
 * the requested one ends the attempt with nothing stored (R10). Safe to repeat.
 */
export function prepareLink(
  state: CompanyState,
  ref: AttemptRef,
  { seenGeneration, ...link }: Link & Seen,
  now: number,
): Decision<'prepared' | 'wrongPhone' | Stale> {
  const attempt = ownAttempt(state, ref)
  if (attempt?.state === 'storing' && attempt.link.generation === link.generation) return decision(state, 'prepared')
  if (!attempt || attempt.state === 'storing' || attempt.state === 'restarting') return decision(state, 'stale')
  if (!isAsSeen(state, seenGeneration)) return decision(state, 'stale')
  if (differs(attempt.phone, link.phone))
    return { ...endAttempt(state, { code: 'CREDENTIALS_CONFLICT' }, 'failed', now), outcome: 'wrongPhone' }
  const { waiting } = attempt
  const phone = link.phone ?? attempt.phone
  const storing: Attempt = {
    ...beforeLink(attempt),
    link,
    waiting: 'shown' in attempt ? waiting.map((request) => ({ ...request, isAnswered: true as const })) : waiting,
    ...(phone && { phone }),
    state: 'storing',
    connectBy: now + attemptTimes.connectMs,
  }
  return decision({ ...state, attempt: storing }, 'prepared', [progress(attempt, 'restarting')])
}

/** Returns the attempt without what only its code needs. Fields that only a newer build knows stay (R49a). */
const beforeLink = (attempt: Exclude<Attempt, { state: 'requested' }>) =>
  without(attempt as typeof attempt & Partial<Record<(typeof codeFields)[number], unknown>>, ...codeFields)
const codeFields = ['awaitsSession', 'shown', 'expiresAt', 'socketUntil', 'answerBy', 'isLate'] as const

/** Makes the recorded link current after it was stored, and retires the generation it replaces (R6, R8, R15). */
export function commitLink(
  state: CompanyState,
  ref: AttemptRef,
  { generation, seenGeneration }: Pick<Link, 'generation'> & Seen,
  now: number,
): Decision<'committed' | Stale> {
  const attempt = ownAttempt(state, ref)
  if (attempt?.state !== 'storing' || attempt.link.generation !== generation) return decision(state, 'stale')
  if (!isAsSeen(state, seenGeneration)) return decision(state, 'stale')
  const { link, owner } = attempt
  const committed: CompanyState = {
    ...retireForLink(state, differs(state.credentials?.phone, link.phone), now),
    attempt: { ...without(attempt, 'link'), state: 'restarting' },
    credentials: { ...link, linkedAt: now },
    session: { status: 'connecting', since: now, epoch: owner.epoch, hostId: owner.hostId },
  }
  return decision(without(committed, 'unlinked'), 'committed')
}
