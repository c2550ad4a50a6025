/** Resets a company, for both APIs: one write forgets the stored credentials, then the host removes the device (R7). */
import { newlyPending, type Wake } from '#shared/domain/attempt/guard.ts'
import type { Waiting } from '#shared/domain/company/attempt.ts'
import { cleanupDeadline, unlinkWithinMs } from '#shared/domain/company/cleanup.ts'
import { type Decision, decision, type Retired, type Transition } from '#shared/domain/company/company.ts'
import { type ResetOutcome, resetCredentials } from '#shared/domain/session/reset.ts'
import { Contention } from '#shared/dynamo/contention.ts'
import type { Clock, CompanyStore, Decided } from '#shared/ports.ts'
import { type NudgeDeps, nudgeHost } from './nudge-host.ts'

export type ResetDeps = NudgeDeps & { readonly store: CompanyStore; readonly clock: Clock }

export type ResetRequest = {
  readonly companyId: string
  readonly waiting: readonly Waiting[]
  readonly correlationId: string
  /** Hears of the decision at once, before the command is sent: whatever fails later, it was made. */
  readonly onDecided: (decided: Decided<unknown>) => void
}

/**
 * Time for the write, from which the deadline of the answer counts. The watchdog must not wake before that deadline.
 */
export const storeChangeMs = 500

/** Seconds after which to ask again while too many requests wait: by then they have their answer. */
export const crowdedResetSeconds = 5

/** Clean-ups of which the watchdog must hear before the write; nothing is decided. */
type Unarmed = { readonly kind: 'unarmed'; readonly retired: readonly Retired[] }

/** More than one round only if others decide in between; each of those is a race that this request has lost. */
const maxRounds = 4

/**
 * Resets the company. Wakes the watchdog before the write, so that the request is answered and the data key is shredded
 * even when no host is alive. What changes nothing wakes nobody and sends no command (R67). Throws when the store or the
 * queue is down.
 */
export async function reset(
  { companyId, waiting, correlationId, onDecided }: ResetRequest,
  deps: ResetDeps,
): Promise<Decided<ResetOutcome>> {
  const armed = new Map<string, number>()
  for (let round = 1; round <= maxRounds; round++) {
    const decided = await deps.store.decide(companyId, ifArmed(armed, waiting))
    const { outcome } = decided
    if (outcome.kind !== 'unarmed') {
      onDecided(decided)
      if (outcome.kind === 'reset') await nudgeHost({ companyId, correlationId, fence: decided.state.fence }, deps)
      return { ...decided, outcome }
    }
    for (const retired of outcome.retired) {
      const wakes = wakesFor(retired)
      await Promise.all(wakes.map((wake) => deps.queue.wakeAt({ companyId, correlationId, ...wake })))
      armed.set(retired.generation, Math.min(...wakes.map(({ due }) => due)))
    }
  }
  throw new Contention('a reset', maxRounds)
}

/**
 * Messages for a clean-up that is about to begin: one for its answer, and one for the end of the unlinking, which also
 * comes when a slow write is later than the first. Both allow for the write.
 */
function wakesFor(retired: Retired): readonly Wake[] {
  const { generation, retiredAt } = retired
  const end = retiredAt + unlinkWithinMs
  const answerBy = cleanupDeadline(retired) ?? end
  const last = { generation, due: end + storeChangeMs }
  return answerBy < end ? [{ generation, due: answerBy + storeChangeMs, until: end }, last] : [last]
}

const ifArmed =
  (armed: ReadonlyMap<string, number>, waiting: readonly Waiting[]): Transition<ResetOutcome | Unarmed> =>
  (state, now): Decision<ResetOutcome | Unarmed> => {
    const next = resetCredentials(state, waiting, now)
    // A message that comes after the write, but too early, sends itself again. One that comes before it is lost.
    const retired = newlyPending(state, next.state).filter(({ generation }) => (armed.get(generation) ?? 0) <= now)
    return retired.length === 0 ? next : decision(state, { kind: 'unarmed', retired })
  }
