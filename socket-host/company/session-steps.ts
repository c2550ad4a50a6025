/** Steps of a session: it opens, and its end or its state is reported. */
import { sharedReason } from '#shared/domain/attempt/refusal.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import {
  isLastRefusal,
  type SessionEnd,
  sessionConnected,
  sessionEnded,
  sessionInterrupted,
} from '#shared/domain/session/session.ts'
import { startUnlink } from './cleanup.ts'
import { type CompanyContext, ownerOf, storedGeneration, write } from './context.ts'
import type { StepOf } from './next-step.ts'
import { keepSession } from './session.ts'

/** Opens the session, with the credentials of a link that has just been committed or else with the stored ones. */
export async function openSession(ctx: CompanyContext, _step: unknown, state: CompanyState): Promise<CompanyState> {
  const { running, deps, lease, companyId, wake } = ctx
  if (!state.credentials) return state
  deps.recovery.tried(companyId)
  const stored = storedGeneration(companyId, state.credentials, state.session)
  const { registration } = running
  const linked = registration?.facts().generation === stored.generation ? registration : undefined
  if (linked) {
    // Both sockets have the same credentials. The registration stays where a loss of the lease finds it.
    await linked.close()
    running.registration = undefined
    if (running.closing || !lease.isOwner()) return state
  }
  running.session = keepSession(deps, lease, stored, linked?.credentials, wake)
  if (state.attempt?.state === 'connecting') running.session.hurry()
  return state
}

/** Closes a session that is no longer current. An open socket is first used to unlink the device if need be. */
export async function closeSession(
  ctx: CompanyContext,
  { retired }: StepOf<'closeSession'>,
  state: CompanyState,
): Promise<CompanyState> {
  const { session } = ctx.running
  ctx.running.session = undefined
  const socket = retired && session?.takeSocket()
  if (retired && socket) return startUnlink(ctx, retired, { socket }, state)
  await session?.close()
  return state
}

/**
 * Writes the end of the session. One that WhatsApp has ended first takes a place at the fuse. Without a place it stops
 * and keeps its credentials, because WhatsApp, or this build, is then wrong about many sessions at once (R46).
 */
export async function endSession(
  ctx: CompanyContext,
  { end }: StepOf<'endSession'>,
  state: CompanyState,
): Promise<CompanyState> {
  const allowed = await throughFuse(ctx, end, state)
  const ended = await write(ctx, (s, now) => sessionEnded(s, currentSession(ctx, state), allowed, now))
  ctx.running.session = undefined
  return ended
}

/** Returns the end that may be written: as it is, or a stop when the fuse has no place. */
async function throughFuse(
  { deps, companyId }: CompanyContext,
  end: SessionEnd,
  { session, credentials }: CompanyState,
): Promise<SessionEnd> {
  if (end.how === 'stopped') {
    const isAlone = end.code === 'INTERNAL' && credentials && deps.readings.isAlone(credentials, session?.isAlone)
    return isAlone ? { ...end, isAlone } : end
  }
  const isLast = end.how === 'removed' || isLastRefusal(session, deps.time.now())
  // One that is told as logged out already has had its place. A first refusal takes one although it retires nothing, so
  // that a wave is noticed before it is told to hundreds of owners as their own doing.
  if (!isLast && session?.status === 'logged-out') return end
  const isGranted = await deps.fuse.takePlace(companyId, end.how)
  if (!isGranted) return { code: 'WHATSAPP_UNAVAILABLE', how: 'stopped', fuse: end.how }
  return isLast ? { ...end, how: 'removed' } : end
}

/** Writes that the session is connected. One that had ended as many others did lets those follow (R45). */
export async function reportConnected(ctx: CompanyContext, _step: unknown, state: CompanyState): Promise<CompanyState> {
  const connected = await write(ctx, (s, now) => sessionConnected(s, currentSession(ctx, state), now))
  const reason = state.session && sharedReason(state.session)
  if (reason && connected.session?.status === 'connected') ctx.deps.recovery.succeeded(reason)
  return connected
}

export const reportInterrupted = (
  ctx: CompanyContext,
  { code }: StepOf<'reportInterrupted'>,
  state: CompanyState,
): Promise<CompanyState> => write(ctx, (s, now) => sessionInterrupted(s, currentSession(ctx, state), code, now))

const currentSession = (ctx: CompanyContext, { credentials }: CompanyState) => ({
  generation: credentials?.generation ?? '',
  owner: ownerOf(ctx),
})
