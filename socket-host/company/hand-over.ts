/** How a host lets a company go: in good order, or because its lease is gone. */
import { waitAtMost } from '#shared/async/time-limit.ts'
import { failAttempt } from '#shared/domain/attempt/pairing.ts'
import { sessionInterrupted } from '#shared/domain/session/session.ts'
import { startRollback } from './cleanup.ts'
import type { CompanyContext } from './context.ts'
import type { OwnedLease } from './deps.ts'

/** A device that must not stay is worth waiting for, but not at the price of being killed. */
const rollbackWithinMs = 10_000
export const publishWithinMs = 5000
const closeWithinMs = 3000

/** Close each socket, flush its keys, write `reconnecting` (R28). What the attempt cannot go on without has failed. */
export async function leaveCompany(ctx: CompanyContext, lease: OwnedLease): Promise<void> {
  const { deps, companyId, running, decisions, correlationId } = ctx
  const owner = { hostId: lease.hostId, epoch: lease.epoch }
  const session = running.session
  await leaveSockets(ctx)
  try {
    await session?.flush()
  } catch (error) {
    deps.log.error('keys could not be flushed', { companyId, error })
  }
  const { state } = await deps.companies.read(companyId)
  const { attempt, credentials } = state
  if (attempt && attempt.state !== 'requested' && attempt.state !== 'restarting') {
    const ref = { attemptId: attempt.attemptId, fence: attempt.fence, owner }
    await decisions.applyAsOwner((s, now) => failAttempt(s, ref, { code: 'HOST_UNAVAILABLE' }, now), correlationId())
  }
  if (credentials && state.session?.status === 'connected') {
    const ref = { generation: credentials.generation, owner }
    await decisions.applyAsOwner((s, now) => sessionInterrupted(s, ref, 'HOST_UNAVAILABLE', now), correlationId())
  }
  await waitAtMost(rollbackWithinMs, Promise.all([...ctx.rollbacks]), () => undefined, deps.time.after)
  await waitAtMost(publishWithinMs, decisions.whenPublished(), () => undefined, deps.time.after)
}

/**
 * Closes every socket of the company; whoever calls again waits for the same. A link that was never installed is undone
 * afterwards, which needs no lease.
 */
export function leaveSockets(ctx: CompanyContext): Promise<void> {
  ctx.running.closing ??= closeSockets(ctx)
  return ctx.running.closing
}

async function closeSockets(ctx: CompanyContext): Promise<void> {
  const { running, deps } = ctx
  const { session, registration } = running
  running.session = undefined
  running.registration = undefined
  const givenUp = [...running.unlinks.values()].filter(({ isLastCopy }) => !isLastCopy)
  for (const unlink of givenUp) unlink.abort()
  const unlinks = Promise.all(givenUp.map((unlink) => unlink.done))
  const unlinked = waitAtMost(closeWithinMs, unlinks, () => undefined, deps.time.after)
  await Promise.all([session?.close(), registration?.close(), unlinked])
  if (registration?.isLinked) startRollback(ctx, registration)
}
