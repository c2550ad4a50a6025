/** How a generation of credentials leaves: retired by one write, unlinked at WhatsApp, shredded, swept (R7, R14). */
import type { Link, Waiting } from './attempt.ts'
import {
  answer,
  type CompanyState,
  type Decision,
  decision,
  type Notice,
  type Retired,
  type RetireReason,
  type Unlinked,
  without,
} from './company.ts'

/** When a retired generation's rows are swept, counted from its retirement: a late host may write in between. */
export const sweepDelaysMs = [0, 3_600_000, 86_400_000] as const
/** How long the device may take to be unlinked before its key is shredded regardless (R14). */
export const unlinkWithinMs = 60_000
/**
 * A reset's client waits so long for the unlinking. With no host alive, SQS and the watchdog have to fit into the promised
 * 5 s too (requirements, "WebSocket API").
 */
export const resetAnswerMs = 3_500

/** Reasons after which there is no device left to remove: WhatsApp has removed it already. */
const nothingToUnlink: readonly RetireReason[] = ['logged-out']

/** Moves the current generation, with its key, to the clean-up list. The caller's write makes it final. */
export function retire(state: CompanyState, reason: RetireReason, now: number): CompanyState {
  if (!state.credentials) return state
  return retireLink(without(state, 'credentials', 'session'), state.credentials, reason, now)
}

/** As `retire`, for a link that has not become current: whatever is, stays. */
export function retireLink(
  state: CompanyState,
  { generation, wrappedKey }: Link,
  reason: RetireReason,
  now: number,
): CompanyState {
  const unlink: Unlinked = nothingToUnlink.includes(reason) ? 'not-linked' : 'pending'
  const retired: Retired = {
    generation,
    reason,
    retiredAt: now,
    unlink,
    sweeps: 0,
    ...(unlink === 'pending' && { wrappedKey }),
  }
  return { ...state, cleanup: [...state.cleanup, retired], unlinked: unlink }
}

/** Lets a reset wait for the unlinking of what it has just retired. */
export function awaitUnlink(state: CompanyState, waiting: readonly Waiting[], now: number): CompanyState {
  const last = state.cleanup.at(-1)
  if (!last) return state
  const answerBy = last.answerBy ?? now + resetAnswerMs
  return replace(state, { ...last, waiting: [...(last.waiting ?? []), ...waiting], answerBy })
}

/** Records what WhatsApp said about a retired device, erases its key and answers who waits. */
export function unlinkFinished(
  state: CompanyState,
  generation: string,
  result: Exclude<Unlinked, 'pending'>,
): Decision<void> {
  const retired = state.cleanup.find((entry) => entry.generation === generation)
  if (retired?.unlink !== 'pending') return decision(state, undefined)
  const done = { ...without(retired, 'wrappedKey', 'waiting', 'answerBy'), unlink: result }
  const isLatest = state.cleanup.at(-1) === retired
  const next = { ...replace(state, done), ...(isLatest && { unlinked: result }) }
  return decision(next, undefined, resetAnswers(retired, result))
}

/** Counts a completed sweep; after the last one the entry goes. */
export function swept(state: CompanyState, generation: string): Decision<void> {
  const retired = state.cleanup.find((entry) => entry.generation === generation)
  if (!retired) return decision(state, undefined)
  const sweeps = retired.sweeps + 1
  const isLast = sweeps >= sweepDelaysMs.length
  if (!isLast) return decision(replace(state, { ...retired, sweeps }), undefined)
  return decision({ ...state, cleanup: state.cleanup.filter((entry) => entry !== retired) }, undefined)
}

/** Epoch ms at which a retired generation is to be swept next: not before the unlinker is done with its rows. */
export const nextSweepAt = ({ retiredAt, sweeps, unlink }: Retired): number =>
  retiredAt + Math.max(sweepDelaysMs[sweeps] ?? 0, unlink === 'pending' ? unlinkWithinMs : 0)

/** Epoch ms at which something about a retired generation is overdue; undefined when nothing is. */
export function cleanupDeadline(retired: Retired): number | undefined {
  if (retired.unlink !== 'pending') return undefined
  return retired.answerBy ?? retired.retiredAt + unlinkWithinMs
}

/** Answers resets that have waited long enough, and shreds the keys of devices that nobody could unlink in time. */
export function settleCleanup(state: CompanyState, now: number): Decision<void> {
  let settled: Decision<void> = decision(state, undefined)
  for (const retired of state.cleanup) {
    if (retired.unlink !== 'pending') continue
    if (now >= retired.retiredAt + unlinkWithinMs) {
      settled = join(settled, unlinkFinished(settled.state, retired.generation, 'unconfirmed'))
    } else if (retired.answerBy !== undefined && now >= retired.answerBy) {
      const answered = replace(settled.state, without(retired, 'waiting', 'answerBy'))
      settled = join(settled, decision(answered, undefined, resetAnswers(retired, 'unconfirmed')))
    }
  }
  return settled
}

const resetAnswers = (retired: Retired, unlinked: Exclude<Unlinked, 'pending'>): readonly Notice[] =>
  retired.waiting ? [{ ...answer({ event: 'credentials-reset', unlinked }, retired.waiting), audience: 'company' }] : []

const join = (first: Decision<void>, second: Decision<void>): Decision<void> =>
  decision(second.state, undefined, [...first.notices, ...second.notices])

const replace = (state: CompanyState, retired: Retired): CompanyState => ({
  ...state,
  cleanup: state.cleanup.map((entry) => (entry.generation === retired.generation ? retired : entry)),
})
