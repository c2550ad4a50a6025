/** How a host lets a company go: in good order, or because its lease is gone. */
import type { CompanyState } from '#shared/domain/company.ts'
import { failAttempt } from '#shared/domain/pairing.ts'
import { sessionInterrupted } from '#shared/domain/session.ts'
import { beginUndo } from './cleaning.ts'
import type { Tenure } from './deps.ts'
import type { Registration } from './registration.ts'
import { within } from './time.ts'
import type { Workshop } from './workshop.ts'

/** A device that must not stay is worth waiting for, but not at the price of being killed. */
const undoWithinMs = 10_000
const tellWithinMs = 5000
const closeWithinMs = 3000

/** Close each socket, flush its keys, write `reconnecting` (R28). What the attempt cannot go on without has failed. */
export async function leaveCompany(shop: Workshop, tenure: Tenure): Promise<void> {
  const { deps, companyId, running, decisions, correlationId } = shop
  const owner = { hostId: tenure.hostId, epoch: tenure.epoch }
  const session = running.session
  await leaveSockets(shop)
  try {
    await session?.flush()
  } catch (error) {
    deps.log.error('keys could not be flushed', { companyId, error })
  }
  const { state } = await deps.companies.read(companyId)
  const { attempt, credentials } = state
  if (attempt && attempt.state !== 'requested' && attempt.state !== 'restarting') {
    const ref = { attemptId: attempt.attemptId, fence: attempt.fence, owner }
    await decisions.decide((s, now) => failAttempt(s, ref, { code: 'HOST_UNAVAILABLE' }, now), correlationId())
  }
  if (credentials && state.session?.status === 'connected') {
    const ref = { generation: credentials.generation, owner }
    await decisions.decide((s, now) => sessionInterrupted(s, ref, 'HOST_UNAVAILABLE', now), correlationId())
  }
  await within(deps.time, undoWithinMs, Promise.all([...shop.undos].map((undo) => undo.done)))
  await within(deps.time, tellWithinMs, decisions.told())
}

/**
 * Closes every socket of the company; whoever calls again waits for the same. A link that was never installed is undone
 * afterwards, which needs no lease.
 */
export function leaveSockets(shop: Workshop): Promise<void> {
  shop.running.closing ??= closeSockets(shop)
  return shop.running.closing
}

async function closeSockets(shop: Workshop): Promise<void> {
  const { running, deps } = shop
  const { session, registration } = running
  running.session = undefined
  running.registration = undefined
  for (const unlink of running.unlinks.values()) unlink.abort()
  const unlinks = Promise.all([...running.unlinks.values()].map((unlink) => unlink.done))
  await Promise.all([session?.close(), registration?.close(), within(deps.time, closeWithinMs, unlinks)])
  if (registration?.isLinked) await undoUnlessInstalled(shop, registration)
}

/**
 * An install may have been written although nobody heard of it: then the link is the company's, and stays. What is noted
 * and stored is left to whoever ends the attempt.
 */
async function undoUnlessInstalled(shop: Workshop, registration: Registration): Promise<void> {
  const { deps, companyId } = shop
  const { generation } = registration
  try {
    const state = generation === undefined ? undefined : (await deps.companies.read(companyId)).state
    if (state && generation !== undefined && isKnown(state, generation, registration.isStored())) return
    beginUndo(shop, registration)
  } catch (error) {
    deps.log.warn('a link was left as it is: its company could not be read', { companyId, error })
  }
}

function isKnown({ attempt, credentials, cleanup }: CompanyState, generation: string, isStored: boolean): boolean {
  const isNoted = attempt?.state === 'storing' && attempt.link.generation === generation
  return (
    credentials?.generation === generation ||
    ((isNoted || cleanup.some((retired) => retired.generation === generation)) && isStored)
  )
}
