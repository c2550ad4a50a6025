/** Clean-up of a generation of credentials: retired by one write, unlinked at WhatsApp, shredded, swept (R7, R14). */
import { isSameRequest, type Link, maxWaiting, type Waiting } from './attempt.ts'
import {
  answer,
  type CompanyState,
  type Decision,
  decision,
  type Notice,
  type Retired,
  type RetireReason,
  type StoredCredentials,
  type Unlinked,
  without,
} from './company.ts'

/** Times of the sweeps, counted from the retirement. There are three because a late host may write in between. */
export const sweepDelaysMs = [0, 3_600_000, 86_400_000] as const
/** Longest time for unlinking the device; after that its key is shredded without a confirmation (R14). */
export const unlinkWithinMs = 60_000
/**
 * Longest time that a reset's client waits for the unlinking. The promise is 5 s (requirements, "WebSocket API"); the
 * rest is for SQS and the watchdog, which send the answer when no host is alive.
 */
export const resetAnswerMs = 3_500

/**
 * Limit of the clean-up list, which is part of STATE: a phone that is linked and reset over and over would fill a day's
 * worth of entries (R67). The oldest entry that is swept already gives way; its later sweeps only repeat the first.
 */
export const maxRetired = 40
/** Entries above the limit that nothing can give way to; each pairing may add two. */
const maxUnswept = 4

/** True when so much waits to be removed that no further link may be made. */
export const isCleanupFull = ({ cleanup }: CompanyState): boolean => cleanup.length >= maxRetired + maxUnswept

/** Reasons that leave no device to remove: WhatsApp has already removed it. */
const nothingToUnlink: readonly RetireReason[] = ['logged-out']

/** Moves the current generation, with its key, to the clean-up list, and removes the session. */
export function retire(state: CompanyState, reason: RetireReason, now: number): CompanyState {
  if (!state.credentials) return state
  return retireLink(without(state, 'credentials', 'session'), state.credentials, reason, now)
}

/** As `retire`, for a link that has not become current, and has no `linkedAt`; the current generation stays. */
export function retireLink(
  state: CompanyState,
  { generation, wrappedKey, phone, linkedAt }: Link & Partial<StoredCredentials>,
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
    ...(phone !== undefined && linkedAt !== undefined && { phone, linkedAt }),
  }
  return { ...state, cleanup: [...withRoom(state.cleanup), retired], unlinked: unlink }
}

/** The list with room for one more, unless all its entries are still needed. */
function withRoom(cleanup: readonly Retired[]): readonly Retired[] {
  if (cleanup.length < maxRetired) return cleanup
  const oldest = cleanup.find(({ unlink, sweeps }) => unlink !== 'pending' && sweeps > 0)
  return cleanup.filter((entry) => entry !== oldest)
}

/**
 * Lets requests for a reset wait until the device of the generation that was retired last is unlinked. A request that waits
 * already is not added again. `crowded` when too many wait.
 */
export function awaitUnlink(state: CompanyState, waiting: readonly Waiting[], now: number): CompanyState | 'crowded' {
  const last = state.cleanup.at(-1)
  if (!last) return state
  const earlier = last.waiting ?? []
  const added = waiting.filter((each) => !earlier.some((other) => isSameRequest(other, each)))
  if (added.length === 0 && last.answerBy !== undefined) return state
  const all = state.cleanup.reduce((sum, each) => sum + (each.waiting?.length ?? 0), added.length)
  if (added.length > 0 && all > maxWaiting) return 'crowded'
  const answerBy = last.answerBy ?? now + resetAnswerMs
  return replace(state, { ...last, waiting: [...earlier, ...added], answerBy })
}

/** Records the result of unlinking a retired device, erases its key and answers the resets that wait for it. */
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

/** Counts a completed sweep; the last one removes the entry from the list. */
export function swept(state: CompanyState, generation: string): Decision<void> {
  const retired = state.cleanup.find((entry) => entry.generation === generation)
  if (!retired) return decision(state, undefined)
  const sweeps = retired.sweeps + 1
  const isLast = sweeps >= sweepDelaysMs.length
  if (!isLast) return decision(replace(state, { ...retired, sweeps }), undefined)
  return decision({ ...state, cleanup: state.cleanup.filter((entry) => entry !== retired) }, undefined)
}

/** Epoch ms of the next sweep. While the device is being unlinked its rows are needed, so that a sweep waits for it. */
export const nextSweepAt = ({ retiredAt, sweeps, unlink }: Retired): number =>
  retiredAt + Math.max(sweepDelaysMs[sweeps] ?? 0, unlink === 'pending' ? unlinkWithinMs : 0)

/** Epoch ms at which a reset must be answered or a key shredded; undefined when neither is pending. */
export function cleanupDeadline(retired: Retired): number | undefined {
  if (retired.unlink !== 'pending') return undefined
  return retired.answerBy ?? retired.retiredAt + unlinkWithinMs
}

/** Answers resets whose time is up, and shreds the keys of devices that could not be unlinked in time. */
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
