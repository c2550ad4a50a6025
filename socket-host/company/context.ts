/** The context of one company's steps: its dependencies, its lease, and everything that runs for it on this host. */
import type { CompanyState, Session, StoredCredentials, Transition } from '#shared/domain/company/company.ts'
import type { UnlinkResult } from '../whatsapp/port.ts'
import { type Decisions, decisions } from './decisions.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'
import { type PhoneNotes, phoneNotes } from './phone-notes.ts'
import type { StoredGeneration } from './read-credentials.ts'
import type { Registration } from './registration.ts'
import type { LinkedSession } from './session.ts'

/** A running unlink of a retired generation's device. */
export type Unlinking = {
  /** Resolves when it has ended, also after an abort. */
  readonly done: Promise<void>
  /** Stops it and closes its socket; the next owner unlinks the device. */
  abort(): void
  /** The credentials are in this process's memory only, so that no other host could unlink the device. */
  readonly isLastCopy: boolean
  /** WhatsApp's answer; undefined until the unlink has finished. */
  result: UnlinkResult | undefined
}

export type CompanyContext = {
  readonly deps: CompanyDeps
  readonly companyId: string
  readonly lease: OwnedLease
  readonly decisions: Decisions
  readonly phones: PhoneNotes
  /** Starts another pass over the company. */
  readonly wake: () => void
  /** Correlation id of the current attempt, or else of the last command. */
  readonly correlationId: () => string
  /** Epoch ms at which the company is handed over at the latest; `Infinity` while no hand-over is planned. */
  readonly handOverAt: () => number
  readonly running: {
    registration: Registration | undefined
    session: LinkedSession | undefined
    /** Resolves when every socket is closed; set once the company's sockets are being closed for good. */
    closing: Promise<void> | undefined
    readonly unlinks: Map<string, Unlinking>
    readonly sweeps: Map<string, { isDone: boolean }>
  }
  /** Running unlinks of devices whose credentials only this process holds (R11). A hand-over waits for them. */
  readonly rollbacks: Set<Promise<void>>
  /** True when nothing runs for the company on this host. */
  isIdle(): boolean
}

export function companyContext(
  deps: CompanyDeps,
  companyId: string,
  lease: OwnedLease,
  reconciler: Pick<CompanyContext, 'wake' | 'correlationId' | 'handOverAt'>,
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
    ...reconciler,
    deps,
    companyId,
    lease,
    running,
    rollbacks,
    decisions: decisions(deps, companyId, lease),
    phones: phoneNotes(deps, companyId, lease),
    isIdle: () =>
      !running.registration &&
      !running.session &&
      rollbacks.size === 0 &&
      [...running.unlinks.values()].every((unlink) => unlink.result !== undefined) &&
      [...running.sweeps.values()].every((sweep) => sweep.isDone),
  }
}

/** Returns the reference with which `read-credentials.ts` reads a company's stored credentials. */
export const storedGeneration = (
  companyId: string,
  { generation, wrappedKey }: StoredCredentials,
  session: Session | undefined,
): StoredGeneration => ({
  ...{ companyId, generation, wrappedKey },
  ...(session?.isAlone && { isExpected: true as const }),
})

/** This host as the owner of the company, for decisions. */
export const ownerOf = ({ lease }: CompanyContext) => ({ hostId: lease.hostId, epoch: lease.epoch })

/** Writes a decision as the owner; see `Decisions`. */
export const applyDecision = <Outcome>(
  { decisions: own, correlationId }: CompanyContext,
  transition: Transition<Outcome>,
) => own.applyAsOwner(transition, correlationId())

/** Writes a decision and returns the state that it led to. */
export const write = async <Outcome>(ctx: CompanyContext, transition: Transition<Outcome>): Promise<CompanyState> =>
  (await applyDecision(ctx, transition)).state
