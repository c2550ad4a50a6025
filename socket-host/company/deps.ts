/** What the parts of a host are given; made once in `wiring.ts`, or by a test. */
import type { CodeBudget } from '#shared/budget/code-budget.ts'
import type { CommandQueue, CompanyStore, CredentialStore, DataKeys, Publisher } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { Time } from '../time.ts'
import type { WhatsApp } from '../whatsapp/port.ts'
import type { Pacing } from './pacing.ts'

/** The host's claim on a shard: as whom it writes, and whether it still may. */
export type OwnedLease = {
  readonly hostId: string
  readonly epoch: number
  /** By this host's own monotonic clock; once false, it stays false (R27). */
  readonly isOwner: () => boolean
}

export type CompanyDeps = {
  readonly companies: CompanyStore
  readonly credentials: CredentialStore
  readonly dataKeys: DataKeys
  readonly commands: CommandQueue
  readonly publisher: Publisher
  readonly whatsApp: WhatsApp
  readonly pacing: Pacing
  readonly time: Time
  readonly log: Log
  readonly settings: {
    readonly phoneChangePolicy: 'replace' | 'keep-until-linked'
    /** How long a code is valid (R19). */
    readonly codeLifetimeMs: number
  }
  readonly budget: Pick<CodeBudget, 'take' | 'coolDown'>
  /** A name for a new generation of credentials; ULIDs in production. */
  readonly newGeneration: () => string
  /** 0 to 1. */
  readonly random: () => number
}
