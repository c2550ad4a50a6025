/** Resets a company, for both APIs: one write forgets the stored credentials, then the host removes the device (R7). */
import type { Waiting } from '#shared/domain/company/attempt.ts'
import { resetAnswerMs, unlinkWithinMs } from '#shared/domain/company/cleanup.ts'
import { type ResetOutcome, resetCredentials } from '#shared/domain/session/reset.ts'
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
const storeChangeMs = 500
const overdueMs = resetAnswerMs + storeChangeMs

/**
 * Resets the company. Wakes the watchdog first, so that the request is answered and the data key is shredded even when
 * no host is alive. Throws when the store or the queue is down.
 */
export async function reset(
  { companyId, waiting, correlationId }: ResetRequest,
  deps: ResetDeps,
): Promise<Decided<ResetOutcome>> {
  const now = deps.clock()
  const wakes = [overdueMs, unlinkWithinMs].map((delay) => ({ companyId, correlationId, due: now + delay }))
  await Promise.all(wakes.map((wake) => deps.queue.wakeAt(wake)))
  const decided = await deps.store.decide(companyId, (state, at) => resetCredentials(state, waiting, at))
  await nudgeHost({ companyId, correlationId, fence: decided.state.fence }, deps)
  return decided
}
