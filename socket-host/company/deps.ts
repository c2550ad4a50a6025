/** Dependencies of everything that runs for a company on a host. `wiring.ts` makes them once; tests make their own. */
import type { CodeBudget } from '#shared/budget/code-budget.ts'
import type { CommandQueue, CompanyStore, CredentialStore, DataKeys, Fuse, Publisher } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { Time } from '../time.ts'
import type { WhatsApp } from '../whatsapp/port.ts'
import type { Pacing } from './pacing.ts'
import type { PhoneNote } from './phone-notes.ts'
import type { Readings } from './readings.ts'
import type { Recovery } from './recovery.ts'

/** A lease that this host has claimed: the identity with which it writes, and whether it still owns the shard. */
export type OwnedLease = {
  readonly hostId: string
  readonly epoch: number
  /** Judged by this host's monotonic clock. Once false, it stays false (R27). */
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
    /** Time for which a code is valid (R19). */
    readonly codeLifetimeMs: number
  }
  readonly budget: Pick<CodeBudget, 'take' | 'coolDown'>
  /** Notes a link of a phone, or its end (R24). Rejects when the note could not be written. */
  readonly notePhone: (note: PhoneNote) => Promise<void>
  readonly fuse: Pick<Fuse, 'takePlace'>
  readonly recovery: Recovery
  readonly readings: Readings
  /** Returns a name for a new generation of credentials; a ULID in production. */
  readonly newGeneration: () => string
  /** Returns a number from 0 to 1. */
  readonly random: () => number
}
