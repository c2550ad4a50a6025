/** What one company's runner works with, and all that it has running. */
import type { StoredCredentials } from '#shared/domain/company/company.ts'
import type { Removal } from '../whatsapp/port.ts'
import { type Decisions, decisions } from './decisions.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import type { Registration } from './registration.ts'
import type { LinkedSession } from './session.ts'

export type Unlinking = {
  readonly done: Promise<void>
  /** Gives it up: the next host will see to it. */
  abort(): void
  /** The device's credentials are in this host's memory only, so that no other host could. */
  readonly isLastCopy: boolean
  result: Removal | undefined
}

export type CompanyContext = {
  readonly deps: CompanyDeps
  readonly companyId: string
  readonly lease: OwnedLease
  readonly decisions: Decisions
  /** Has the state compared again with what runs here. */
  readonly wake: () => void
  readonly correlationId: () => string
  readonly running: {
    registration: Registration | undefined
    session: LinkedSession | undefined
    /** Resolves when every socket is closed; set once the company is being left. */
    closing: Promise<void> | undefined
    readonly unlinks: Map<string, Unlinking>
    readonly sweeps: Map<string, { isDone: boolean }>
  }
  /** Removals of devices that were linked but must not stay, and that nobody else can do (R11). */
  readonly rollbacks: Set<Promise<void>>
  isIdle(): boolean
}

export function companyContext(
  deps: CompanyDeps,
  companyId: string,
  lease: OwnedLease,
  runner: Pick<CompanyContext, 'wake' | 'correlationId'>,
): CompanyContext {
  const running: CompanyContext['running'] = {
    registration: undefined,
    session: undefined,
    closing: undefined,
    unlinks: new Map(),
    sweeps: new Map(),
  }
  const rollbacks = new Set<Promise<void>>()
  return {
    ...runner,
    deps,
    companyId,
    lease,
    running,
    rollbacks,
    decisions: decisions(deps, companyId, lease),
    isIdle: () =>
      !running.registration &&
      !running.session &&
      rollbacks.size === 0 &&
      [...running.unlinks.values()].every((unlink) => unlink.result !== undefined) &&
      [...running.sweeps.values()].every((sweep) => sweep.isDone),
  }
}

/** The session that a generation's stored credentials are for. */
export const storedGeneration = (companyId: string, { generation, wrappedKey }: StoredCredentials) => ({
  companyId,
  generation,
  wrappedKey,
})
