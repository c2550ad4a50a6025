/** Steps of a session: it opens, and its end or its state is reported. */
import { beyondFuse, sharedReason } from '#shared/domain/attempt/refusal.ts'
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
  const stored = storedGeneration(companyId, state.credentials)
  const { registration } = running
  const linked = registration?.facts().generation === stored.generation ? registration : undefined
  if (linked) {
    running.registration = undefined
    // Both sockets have the same credentials.
    await linked.close()
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

async function throughFuse(
  { deps, companyId }: CompanyContext,
  end: SessionEnd,
  { session }: CompanyState,
): Promise<SessionEnd> {
  if (end.how === 'stopped') return end.code === 'INTERNAL' && deps.readings.canRead() ? { ...end, isAlone: true } : end
  const isLast = end.how === 'removed' || isLastRefusal(session, deps.time.now())
  // One that is told as logged out already has had its place.
  if (!isLast && session?.status === 'logged-out') return end
  const isGranted = await deps.fuse.takePlace(companyId, end.how)
  if (!isGranted) return { code: beyondFuse, how: 'stopped' }
  return isLast ? { ...end, how: 'removed' } : end
}

/** Writes that the session is connected. One that had ended as many others did lets those follow (R45). */
export async function reportConnected(ctx: CompanyContext, _step: unknown, state: CompanyState): Promise<CompanyState> {
  const connected = await write(ctx, (s, now) => sessionConnected(s, currentSession(ctx, state), now))
  const code = state.session && sharedReason(state.session)
  if (code && connected.session?.status === 'connected') ctx.deps.recovery.succeeded(code)
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
