/** Everything that a build does with a state without deciding about it: none of it may throw. */
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import type { Running } from '../../socket-host/company/next-step.ts'
import type { Transitions } from '../shared/domain/company/company-commands.ts'

export const idle: Running = { registration: undefined, session: undefined, unlinks: new Map(), sweeps: new Map() }

/** Shows the state to clients and in figures, and asks for the next step of a host of its epoch. */
export function useState(build: Transitions, state: CompanyState, now: number): void {
  const viewer = { role: 'admin', language: 'en', now, staleMs: 15_000 } as const
  JSON.stringify([
    build.statusMessage(state, undefined, 1, { companyId: 'c1', at: now, seq: 1, language: 'en' }),
    build.sessionBody('c1', state, undefined, viewer),
    build.attemptBody(state, viewer),
  ])
  for (const [before, after] of [
    [emptyCompany, state],
    [state, emptyCompany],
  ] as const)
    build.happeningsOf({ before, after, now }).map(build.countsOf)
  const owner = { hostId: `host-${state.epoch}`, epoch: state.epoch }
  build.nextStep(state, idle, { owner, handOverAt: Number.POSITIVE_INFINITY, leavesAt: 0, mayTryStopped: true }, now)
  build.requeueAt(state, idle, { owner })
}
