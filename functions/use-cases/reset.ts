/** Resets a company, for both APIs: one write forgets the stored credentials, then the host removes the device (R7). */
import { newlyPending } from '#shared/domain/attempt/guard.ts'
import type { Waiting } from '#shared/domain/company/attempt.ts'
import { cleanupDeadline } from '#shared/domain/company/cleanup.ts'
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
}

/**
 * Time for the write, from which the deadline of the answer counts. The watchdog must not wake before that deadline.
 */
export const storeChangeMs = 500

/** Seconds after which to ask again while too many requests wait: by then they have their answer. */
export const crowdedResetSeconds = 5

/** Generations whose clean-up the watchdog must hear of before the write; nothing is decided. */
type Unarmed = { readonly kind: 'unarmed'; readonly retired: readonly Retired[] }

/** More than one round only if others decide in between; each of those is a race that this request has lost. */
const maxRounds = 4

/**
 * Resets the company. Wakes the watchdog before the write, so that the request is answered and the data key is shredded
 * even when no host is alive. What changes nothing wakes nobody and sends no command (R67). Throws when the store or the
 * queue is down.
 */
export async function reset(
  { companyId, waiting, correlationId }: ResetRequest,
  deps: ResetDeps,
): Promise<Decided<ResetOutcome>> {
  const armed = new Set<string>()
  for (let round = 1; round <= maxRounds; round++) {
    const decided = await deps.store.decide(companyId, ifArmed(armed, waiting))
    const { outcome } = decided
    if (outcome.kind !== 'unarmed') {
      if (outcome.kind === 'reset') await nudgeHost({ companyId, correlationId, fence: decided.state.fence }, deps)
      return { ...decided, outcome }
    }
    for (const retired of outcome.retired) {
      const { generation } = retired
      const due = (cleanupDeadline(retired) ?? deps.clock()) + storeChangeMs
      await deps.queue.wakeAt({ companyId, correlationId, due, generation })
      armed.add(generation)
    }
  }
  throw new Contention('a reset', maxRounds)
}

const ifArmed =
  (armed: ReadonlySet<string>, waiting: readonly Waiting[]): Transition<ResetOutcome | Unarmed> =>
  (state, now): Decision<ResetOutcome | Unarmed> => {
    const next = resetCredentials(state, waiting, now)
    const retired = newlyPending(state, next.state).filter(({ generation }) => !armed.has(generation))
    return retired.length === 0 ? next : decision(state, { kind: 'unarmed', retired })
  }
