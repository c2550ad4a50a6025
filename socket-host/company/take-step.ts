/** Carries out the steps of a company. Each step writes one decision, or starts or ends one thing on this host. */
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { failAttempt, issueCode } from '#shared/domain/attempt/pairing.ts'
import { swept, unlinkFinished } from '#shared/domain/company/cleanup.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { adoptCompany } from '#shared/domain/session/adoption.ts'
import { startSweep, startUnlink, unlinkRegistration } from './cleanup.ts'
import { type CompanyContext, ownerOf, write } from './context.ts'
import type { Step, StepOf } from './next-step.ts'
import {
  accept,
  beginPairing,
  chargeAndRestart,
  closeRegistration,
  commit,
  prepare,
  reject,
  reportAnswer,
  withRegistration,
} from './pairing-steps.ts'
import { closeSession, endSession, openSession, reportConnected, reportInterrupted } from './session-steps.ts'

type Steps = {
  readonly [D in Step['do']]: (ctx: CompanyContext, step: StepOf<D>, state: CompanyState) => Promise<CompanyState>
}

const steps: Steps = {
  adopt: (ctx) => write(ctx, (s, now) => adoptCompany(s, ownerOf(ctx), now)),
  timeOut: (ctx) => write(ctx, timeOut),
  acceptAttempt: accept,
  rejectAttempt: (ctx, { attempt, retryAfter }) => reject(ctx, attempt, retryAfter),
  openRegistration: beginPairing,
  restartPairing: chargeAndRestart,
  issueCode: withRegistration((ctx, registration, _state, { offer }) =>
    write(ctx, (s, now) => issueCode(s, registration.facts().ref, offer, now)),
  ),
  reportAnswer: withRegistration(reportAnswer),
  prepareLink: withRegistration(prepare),
  commitLink: withRegistration(commit),
  failAttempt: (ctx, { ref, failure }) => write(ctx, (s, now) => failAttempt(s, ref, failure, now)),
  closeRegistration: withRegistration(closeRegistration),
  unlinkRegistration: withRegistration((ctx, registration, state, { retired }) =>
    unlinkRegistration(ctx, registration, retired, state),
  ),
  reopenAsSession: openSession,
  openSession,
  closeSession,
  endSession,
  reportConnected,
  reportInterrupted,
  startUnlink: (ctx, { retired }, state) => startUnlink(ctx, retired, {}, state),
  reportUnlinked: async (ctx, { generation, result }) => {
    const state = await write(ctx, (s) => unlinkFinished(s, generation, result))
    ctx.running.unlinks.delete(generation)
    return state
  },
  startSweep: (ctx, { retired }, state) => startSweep(ctx, retired, state),
  reportSwept: async (ctx, { generation }) => {
    const state = await write(ctx, (s) => swept(s, generation))
    ctx.running.sweeps.delete(generation)
    return state
  },
}

/** Takes one step and returns the state that it led to. Rejects when it failed; the next pass chooses it again. */
export function takeStep<D extends Step['do']>(
  ctx: CompanyContext,
  step: StepOf<D>,
  state: CompanyState,
): Promise<CompanyState> {
  return steps[step.do](ctx, step, state)
}
