/** Steps of a session: it opens, and its end or its state is reported. */
import type { CompanyState } from '#shared/domain/company/company.ts'
import {
  credentialsUnreadable,
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
  const stored = storedGeneration(companyId, state.credentials)
  const { registration } = running
  const linked = registration?.facts().generation === stored.generation ? registration : undefined
  if (linked) running.registration = undefined
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

export async function endSession(
  ctx: CompanyContext,
  end: StepOf<'endSession'>,
  state: CompanyState,
): Promise<CompanyState> {
  const ended = await write(ctx, (s, now) => sessionEnded(s, currentSession(ctx, state), end, now))
  return forgetSession(ctx, state, ended)
}

export async function reportUnreadable(
  ctx: CompanyContext,
  _step: unknown,
  state: CompanyState,
): Promise<CompanyState> {
  const ended = await write(ctx, (s, now) => credentialsUnreadable(s, currentSession(ctx, state), now))
  return forgetSession(ctx, state, ended)
}

export const reportConnected = (ctx: CompanyContext, _step: unknown, state: CompanyState): Promise<CompanyState> =>
  write(ctx, (s, now) => sessionConnected(s, currentSession(ctx, state), now))

export const reportInterrupted = (
  ctx: CompanyContext,
  { code }: StepOf<'reportInterrupted'>,
  state: CompanyState,
): Promise<CompanyState> => write(ctx, (s, now) => sessionInterrupted(s, currentSession(ctx, state), code, now))

const currentSession = (ctx: CompanyContext, { credentials }: CompanyState) => ({
  generation: credentials?.generation ?? '',
  owner: ownerOf(ctx),
})

/**
 * Drops the session that has ended. The end of an old session that `keep-until-linked` has kept must not make the new
 * link stale: this host has reported it itself (R8, R15).
 */
function forgetSession(
  { running }: CompanyContext,
  { credentials: seen }: CompanyState,
  ended: CompanyState,
): CompanyState {
  running.session = undefined
  if (!ended.credentials && seen) running.registration?.retired(seen.generation)
  return ended
}
