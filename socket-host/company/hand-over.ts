/**
 * Ends a company's work on this host: hands it over to a successor, or only closes its sockets when the lease is lost.
 */
import { waitAtMost } from '#shared/async/time-limit.ts'
import { failAttempt } from '#shared/domain/attempt/pairing.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { sessionInterrupted } from '#shared/domain/session/session.ts'
import { startRollback } from './cleanup.ts'
import { type CompanyContext, ownerOf, write } from './context.ts'

/** Longest wait for rollbacks. They matter, but a host that drains for too long is killed. */
const rollbackWithinMs = 10_000
/** Longest wait for notices to be published. */
export const publishWithinMs = 5000
/** Longest wait for aborted unlinks to close their sockets. */
const closeWithinMs = 3000

/**
 * Hands the company over: closes each socket, flushes the session's keys, and writes that the session is `reconnecting`
 * (R28). An attempt whose code is on screen fails, because the code belongs to a socket of this host; the successor
 * begins one without a code again. Rejects when a socket or a write fails.
 */
export async function handOverCompany(ctx: CompanyContext): Promise<void> {
  const { deps, companyId, running, decisions } = ctx
  const owner = ownerOf(ctx)
  const session = running.session
  await closeSockets(ctx)
  try {
    await session?.flush()
  } catch (error) {
    deps.log.error('Could not flush the keys', { companyId, error })
  }
  const { state } = await deps.companies.read(companyId)
  // A state of a newer build is left alone (R49a).
  const { attempt, credentials }: Partial<CompanyState> = state.foreign ? {} : state
  if (attempt && ('shown' in attempt || attempt.state === 'storing')) {
    const ref = { attemptId: attempt.attemptId, fence: attempt.fence, owner }
    await write(ctx, (s, now) => failAttempt(s, ref, { code: 'HOST_UNAVAILABLE' }, now))
  }
  if (credentials && state.session?.status === 'connected') {
    const ref = { generation: credentials.generation, owner }
    await write(ctx, (s, now) => sessionInterrupted(s, ref, 'HOST_UNAVAILABLE', now))
  }
  await waitAtMost(rollbackWithinMs, Promise.all([...ctx.rollbacks]), () => undefined, deps.time.after)
  await waitAtMost(publishWithinMs, decisions.whenPublished(), () => undefined, deps.time.after)
}

/**
 * Closes the sockets of the company, except those of unlinks whose credentials only this process holds, and writes
 * nothing. Repeated calls wait for the same sockets. A link that STATE does not record is then rolled back, which needs
 * no lease and opens a socket of its own.
 */
export function closeSockets(ctx: CompanyContext): Promise<void> {
  ctx.running.closing ??= closeAll(ctx)
  return ctx.running.closing
}

async function closeAll(ctx: CompanyContext): Promise<void> {
  const { running, deps } = ctx
  const { session, registration } = running
  running.session = undefined
  running.registration = undefined
  const resumable = [...running.unlinks.values()].filter(({ isLastCopy }) => !isLastCopy)
  for (const unlink of resumable) unlink.abort()
  const unlinks = Promise.all(resumable.map((unlink) => unlink.done))
  const unlinked = waitAtMost(closeWithinMs, unlinks, () => undefined, deps.time.after)
  await Promise.all([session?.close(), registration?.close(), unlinked])
  if (registration?.facts().isLinked) startRollback(ctx, registration)
}
