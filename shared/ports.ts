/** What the product needs from the outside, named for the role. Adapters live in `shared/dynamo` and `shared/aws`. */
import type { CompanyState, Decision, Notice, Transition } from './domain/company/company.ts'
import type { LeaseView } from './domain/company/view.ts'
import type { LeaseSeen } from './domain/fleet/lease.ts'
import type { BudgetTicket, Limit } from './domain/values/budget.ts'
import type { Language } from './domain/values/errors.ts'
import type { Result } from './domain/values/result.ts'
import type { HostCommand, WatchdogMessage } from './protocol/host-commands.ts'

/** Wall clock, epoch ms. */
export type Clock = () => number

/** A decision that has been written. `lastSeq` is the sequence number of the last notice's last frame. */
export type Decided<Outcome> = Decision<Outcome> & { readonly changed: boolean; readonly lastSeq: number }

/** The one item per company that everything is decided on. */
export type CompanyStore = {
  /** Reads consistently, decides, and writes on condition that nobody has decided in between; decides again if so. */
  decide<Outcome>(companyId: string, transition: Transition<Outcome>): Promise<Decided<Outcome>>
  /** Consistent read; a company never seen is empty. */
  read(companyId: string): Promise<{ readonly state: CompanyState }>
  /** A consistent read that also draws the next sequence number, for answers that change nothing. */
  readWithSeq(companyId: string): Promise<{ readonly state: CompanyState; readonly seq: number }>
  /** The lease of the company's shard, for display. */
  leaseOf(companyId: string): Promise<LeaseView | undefined>
  /** The companies of a shard, a page at a time. */
  companiesOf(
    shard: number,
    page: { readonly limit: number; readonly after?: string },
  ): Promise<{ readonly companyIds: readonly string[]; readonly next?: string }>
}

/** A client's WebSocket connection. */
export type Connection = {
  readonly connectionId: string
  readonly companyId: string
  readonly language: Language
  /** Epoch ms. */
  readonly connectedAt: number
  /** Epoch ms at which its token ends, and it with it (R30). */
  readonly tokenExpiresAt?: number
}

export type ConnectionStore = {
  /**
   * Adds the connection. Above the limit of the company (R34) the oldest others give way to it, and are returned: an
   * owner on a bad line leaves connections behind that nobody has heard the end of, and must not be locked out by them.
   */
  add(connection: Connection): Promise<readonly Connection[]>
  remove(companyId: string, connectionId: string): Promise<void>
  list(companyId: string): Promise<readonly Connection[]>
}

/** Tells clients: frames for the company's connections. Never throws for a client that is gone. */
export type Publisher = {
  /** `exceptFor` names the connection that has its frames already, as the answer of its route. */
  publish(companyId: string, notices: readonly Notice[], lastSeq: number, excluding?: string): Promise<void>
}

export type CommandQueue = {
  /** To the owner of the company's shard. Repeated within minutes, with the same fence and attempt, it arrives once. */
  sendCommand(command: HostCommand): Promise<void>
  /** Wakes the watchdog at `message.due`. */
  wakeAt(message: WatchdogMessage): Promise<void>
}

/** One generation of a company's credentials. */
export type GenerationRef = { readonly companyId: string; readonly generation: string }

/** A row of a generation: opaque, encrypted bytes under a sort key; `undefined` deletes. */
export type CredentialRow = { readonly key: string; readonly bytes: Uint8Array | undefined }

/**
 * Stored credentials. Every write carries the writer's epoch and is refused once a higher one has written; a write of
 * many rows is all or nothing as seen by the next `load` (R12, R42).
 */
export type CredentialStore = {
  /**
   * Stamps the generation with the reader's epoch, completes an interrupted write, and reads the named row. `corrupt`:
   * what is stored makes no sense, now and for good (R9).
   */
  load(ref: GenerationRef, key: string, epoch: number): Promise<Uint8Array | 'absent' | 'corrupt' | 'fenced'>
  /** Consistent reads; absent rows are left out. */
  read(ref: GenerationRef, keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>
  write(ref: GenerationRef, rows: readonly CredentialRow[], epoch: number): Promise<'written' | 'fenced'>
  /** Deletes all rows of a retired generation; resumes where an earlier sweep stopped. Returns how many there were. */
  sweep(ref: GenerationRef): Promise<number>
}

/** Data keys of generations, wrapped by KMS and bound to company and generation (R14). Keys are 32 bytes. */
export type DataKeys = {
  create(ref: GenerationRef): Promise<{ readonly key: Uint8Array; readonly wrappedKey: string }>
  /** `refused` when the wrapped key is not this generation's, or altered. */
  unwrap(ref: GenerationRef, wrappedKey: string): Promise<Uint8Array | 'refused'>
}

/** A shard's lease as read (R27). `renewedAt` is its owner's wall clock, epoch ms; for display only. */
export type Lease = LeaseSeen & { readonly renewedAt: number }

export type LeaseStore = {
  /** Consistent; shards never claimed come with epoch 0 and version 0. */
  readAll(shards: number): Promise<readonly Lease[]>
  /** Takes the lease on condition that it still is as `seen`; undefined when somebody was faster. */
  claim(seen: LeaseSeen, ownerId: string, epoch: number, now: number): Promise<Lease | undefined>
  /** `lost`: another epoch or owner rules. A failed call throws: then nothing is known. */
  renew(lease: LeaseSeen, now: number): Promise<Lease | 'lost'>
  /** Asks the owner for the shard, on condition that the lease is as seen but for its renewals. */
  want(lease: LeaseSeen, hostId: string): Promise<void>
  /** Says that the shard will be given up soon, and who is to have it, on condition that the lease is the caller's. */
  offerTo(lease: LeaseSeen, heir: string): Promise<void>
  /** Gives the lease up; the epoch stays. */
  release(lease: LeaseSeen): Promise<void>
  /** The host's line for operators; what it says is from the moment of the write. */
  beat(beat: {
    hostId: string
    sessions: number
    shards: readonly number[]
    since: number
    version: string
    /** Sessions by status, as this host has written it. */
    states?: Readonly<Record<string, number>>
  }): Promise<void>
}

/** The budgets of codes, per phone and per company (R24). Keys are hashes; `shared/budget/code-budget.ts` makes them. */
export type BudgetStore = {
  /** Takes a code from each budget, or from none. */
  take(
    limits: readonly (Limit & { readonly key: string })[],
    now: number,
  ): Promise<Result<BudgetTicket, { readonly retryAfter: number }>>
  /** Safe to repeat. */
  giveBack(ticket: BudgetTicket): Promise<void>
  /** No codes for this key until then (epoch ms): WhatsApp itself has said 429. */
  coolDown(key: string, until: number, now: number): Promise<void>
}
