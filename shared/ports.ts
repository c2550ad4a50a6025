/**
 * Ports: everything that the product needs from the outside, named for its role.
 *
 * Functions wire the ports in `functions/wiring/deps.ts` (`connection-deps.ts` beside it builds what `$connect` needs
 * too), hosts in `socket-host/wiring.ts`. A contract suite states what every adapter and every fake promises.
 *
 * | port            | wired by        | adapter, in `shared`                   | contract suite, in `test/contracts` |
 * | --------------- | --------------- | -------------------------------------- | ----------------------------------- |
 * | CompanyStore    | functions, host | dynamo/company/company-store.ts        | company-store.contract.ts           |
 * | ConnectionStore | functions, host | dynamo/clients/connection-store.ts     | connection-store.contract.ts        |
 * | Publisher       | functions, host | push/publisher.ts                      | none; test/shared/push              |
 * | CommandQueue    | functions, host | aws/command-queue.ts                   | command-queue.contract.ts           |
 * | BudgetStore     | functions, host | dynamo/clients/budget-store.ts         | budget-store.contract.ts            |
 * | CredentialStore | host            | dynamo/credentials/credential-store.ts | credential-store.contract.ts        |
 * | DataKeys        | host            | aws/data-keys.ts                       | data-keys.contract.ts               |
 * | LeaseStore      | host            | dynamo/fleet/lease-store.ts            | lease-store.contract.ts             |
 * | Fuse            | functions, host | dynamo/fleet/fuse-store.ts             | fuse.contract.ts                    |
 *
 * `IdempotencyStore`, `RequestCounter`, `MetricStore` and `PhoneLinks` are declared beside their adapters.
 *
 * Every method but `publish` throws `StoreUnavailable` (`dynamo/store-unavailable.ts`) when AWS cannot be reached; nobody
 * knows then whether a write succeeded. A write that others keep overtaking throws `Contention` (`dynamo/contention.ts`):
 * nothing was written. Any other error is a bug or an unreadable item.
 */
import type { CompanyState, Decision, Notice, Transition } from './domain/company/company.ts'
import type { LeaseView } from './domain/company/view.ts'
import type { FuseReason, Opening } from './domain/fleet/fuse.ts'
import type { LeaseSeen } from './domain/fleet/lease.ts'
import type { BudgetTicket, Limit } from './domain/values/budget.ts'
import type { Language } from './domain/values/errors.ts'
import type { Result } from './domain/values/result.ts'
import type { HostCommand, WatchdogMessage } from './protocol/host-commands.ts'

/** Wall clock, epoch ms. It may be corrected at any time, also backwards. */
export type Clock = () => number

/**
 * A decision after its write. `changed` is true when it led to a new state. `lastSeq` is the sequence number of the
 * last frame of its last notice, or the company's last number when it has no notices.
 */
export type Decided<Outcome> = Decision<Outcome> & { readonly changed: boolean; readonly lastSeq: number }

/** The item `STATE` of each company, which holds everything that is decided about it. */
export type CompanyStore = {
  /**
   * Calls the transition with the company's current state, and writes the decision on condition that nobody has decided
   * in between. After a collision it reads again and calls the transition again, so the transition must be pure. The
   * decision that is returned is the one that was written, exactly once. A decision that keeps the state (the same
   * object) writes no state; its notices still draw sequence numbers. Throws `StoreUnavailable` when the outcome of the
   * write cannot be found out in time, and `Contention` after too many collisions.
   */
  decide<Outcome>(companyId: string, transition: Transition<Outcome>): Promise<Decided<Outcome>>
  /** Reads the state, strongly consistent. A company that was never written has the empty state. */
  read(companyId: string): Promise<{ readonly state: CompanyState }>
  /**
   * Reads the state and draws the next sequence number, at one instant: for answers that change nothing. No two calls
   * return the same number.
   */
  readWithSeq(companyId: string): Promise<{ readonly state: CompanyState; readonly seq: number }>
  /** Reads the lease of the company's shard, for display. Undefined when the shard was never claimed. */
  leaseOf(companyId: string): Promise<LeaseView | undefined>
  /**
   * Lists the companies of a shard that are not empty, by id, one page at a time. `next` is the `after` of the next
   * page; the last page has none. A company that has just become empty may still be listed.
   */
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
  /** Epoch ms from which on the token is refused, and the connection ends with it (R30). */
  readonly tokenExpiresAt?: number
}

/** A connection that is listed. `place` is an opaque name: it saves `remove` a read. */
export type ListedConnection = Connection & { readonly place: string }

/**
 * The open connections of each company. A company has as many places as its limit says (R34), and twice as many while
 * connections younger than 30 seconds cannot be closed yet: API Gateway would still open them.
 */
export type ConnectionStore = {
  /**
   * Gives the connection a place. At the limit the oldest others that can be closed give way, those with an expired
   * token first, and are returned for the caller to close: an owner on a bad line leaves connections behind whose end
   * nobody has reported, and they must not lock the owner out. `no-place`: none can be closed yet. `barred`: see `bar`.
   * Adding a connection again changes nothing.
   */
  add(connection: Connection): Promise<Result<readonly Connection[], 'no-place' | 'barred'>>
  /** Refuses the company's new connections until `until` (epoch ms). Those that are open stay. */
  bar(companyId: string, until: number): Promise<void>
  /**
   * Frees the place of the connection, unless another one has taken it meanwhile. Removing one that is not there
   * succeeds.
   */
  remove(companyId: string, connectionId: string, place?: string): Promise<void>
  /** Lists the company's connections, in any order, at most twice the limit. Some may have ended unreported. */
  list(companyId: string): Promise<readonly ListedConnection[]>
}

/** Pushes frames to the connections of a company. */
export type Publisher = {
  /**
   * Sends the frames of a written decision to the company's connections. `lastSeq` is the decision's; `excluding` names
   * a connection that has its frames already, as the answer of its route. Delivery is best effort: clients that are
   * gone and stores or APIs that are unavailable are logged and do not make it throw.
   */
  publish(companyId: string, notices: readonly Notice[], lastSeq: number, excluding?: string): Promise<void>
}

/** The queues to the hosts and to the watchdog. */
export type CommandQueue = {
  /**
   * Sends a command to the host that owns the company's shard. Commands of one company arrive in order. A command with
   * the same company, fence and attempt as one of the last few minutes is dropped.
   */
  sendCommand(command: HostCommand): Promise<void>
  /** Wakes the watchdog at `message.due`, or earlier when that is more than 15 minutes away. */
  wakeAt(message: WatchdogMessage): Promise<void>
}

/** One generation of a company's credentials; `generation` is a name (a ULID), not a number. */
export type GenerationRef = { readonly companyId: string; readonly generation: string }

/** A row of a generation: encrypted bytes under a sort key; `undefined` deletes the row. */
export type CredentialRow = { readonly key: string; readonly bytes: Uint8Array | undefined }

/**
 * Stored credentials. Every write carries the writer's epoch and is refused (`fenced`) once a host of a higher epoch
 * has loaded or written the rows. A write of several rows is all or nothing for the next `load` (R12, R42). It is not for
 * `read`: during a write, and after one that threw, half of it may be visible, until a write of the same rows or a `load`
 * has succeeded (R64).
 */
export type CredentialStore = {
  /**
   * Returns the bytes of one row, after it has raised the generation's epoch to the reader's, so that earlier owners
   * can write no more, and has completed an interrupted write. Writes of several rows that were called before it, with the
   * same epoch, are refused or complete from then on, however late they arrive. `absent`: there is no such row. `corrupt`: the stored
   * bytes make no sense and never will (R9). `fenced`: a higher epoch has loaded or written.
   */
  load(ref: GenerationRef, key: string, epoch: number): Promise<Uint8Array | 'absent' | 'corrupt' | 'fenced'>
  /** Reads rows, strongly consistent and without raising the epoch. Absent rows are left out. */
  read(ref: GenerationRef, keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>
  /**
   * Returns some rows of the generation, up to `limit`, perhaps none: to find out whether a key opens anything (R47).
   * Rows that make no sense, and very large ones, are left out.
   */
  sample(ref: GenerationRef, limit: number): Promise<ReadonlyMap<string, Uint8Array>>
  /**
   * Writes the rows. Of two writes of one epoch the one that was called later wins, whichever arrives last: a write that
   * threw can be repeated. `fenced` also when the same epoch has called `load` since. Throws when a key is empty, too
   * long for DynamoDB, or reserved by the store.
   */
  write(ref: GenerationRef, rows: readonly CredentialRow[], epoch: number): Promise<'written' | 'fenced'>
  /**
   * Deletes all rows of a retired generation, whoever wrote them. Safe to repeat: it resumes where an earlier sweep
   * stopped. Returns how many items it deleted.
   */
  sweep(ref: GenerationRef): Promise<number>
}

/** Data keys of generations, wrapped by KMS and bound to company and generation (R14). */
export type DataKeys = {
  /** Makes a key: 32 bytes, in clear and wrapped (base64). */
  create(ref: GenerationRef): Promise<{ readonly key: Uint8Array; readonly wrappedKey: string }>
  /** Unwraps a key. `refused`: it was altered, belongs to another generation or KMS key, or KMS may not use the key. */
  unwrap(ref: GenerationRef, wrappedKey: string): Promise<Uint8Array | 'refused'>
}

/** A shard's lease as read (R27). `renewedAt` is its owner's wall clock in epoch ms, for display only. */
export type Lease = LeaseSeen & { readonly renewedAt: number }

/** The leases of the shards, and the hosts' heartbeats. */
export type LeaseStore = {
  /** Reads the leases of the shards from 0 to `shards` - 1. One that was never claimed has epoch and version 0. */
  readAll(shards: number): Promise<readonly Lease[]>
  /**
   * Takes the lease on condition that its epoch, version and owner are still as `seen`. Returns undefined when they are
   * not. Throws when `epoch` is not higher than that of `seen`.
   */
  claim(seen: LeaseSeen, ownerId: string, epoch: number, now: number): Promise<Lease | undefined>
  /**
   * Renews the lease by raising its version. `lost`: another owner or epoch has it. After an error the lease may or may
   * not have been renewed.
   */
  renew(lease: LeaseSeen, now: number): Promise<Lease | 'lost'>
  /**
   * Asks the owner for the shard: sets `wantedBy`, in place of any earlier request. Does nothing when owner or epoch
   * have changed since the lease was seen.
   */
  want(lease: LeaseSeen, hostId: string): Promise<void>
  /** Announces a release and the successor. Does nothing when the lease is not the caller's. */
  nameSuccessor(lease: LeaseSeen, successor: string): Promise<void>
  /** Gives the lease up; epoch and `wantedBy` stay. Does nothing when the lease is not the caller's. */
  release(lease: LeaseSeen): Promise<void>
  /** Replaces the host's heartbeat, which operators see; it expires a day after the last write. */
  writeHeartbeat(heartbeat: {
    hostId: string
    /** Number of open sessions. */
    sessions: number
    shards: readonly number[]
    /** Epoch ms at which the host started. */
    since: number
    /** `BUILD_VERSION`. */
    version: string
    /** Sessions by status, as this host has written it. */
    states?: Readonly<Record<string, number>>
  }): Promise<void>
}

/** Limits the stored links that end in a while because WhatsApp says so (R46); one fuse per reason. */
export type Fuse = {
  /**
   * Takes a place for the end of the company's link. False when there is none, the fuse is open, or the store does not
   * answer: the link must then be kept. Never rejects.
   */
  takePlace(companyId: string, reason: FuseReason): Promise<boolean>
  /** Returns the last opening of each fuse that was ever open. */
  openings(): Promise<FuseOpenings>
  /** Closes the fuse of a reason, because a session connects again. Its places still count. */
  close(reason: FuseReason): Promise<void>
  /** Closes every fuse and frees its places: an operator has looked. */
  reset(): Promise<void>
}

export type FuseOpenings = { readonly [Reason in FuseReason]?: Opening }

/** The budgets of codes, per phone and per company (R24). Keys are hashes (`shared/budget/code-budget.ts`). */
export type BudgetStore = {
  /**
   * Takes a code from each budget, or from none. `retryAfter` is in seconds. When it throws, it has tried to give back
   * what it had taken; a code that it could not give back expires with its window.
   */
  take(
    limits: readonly (Limit & { readonly key: string })[],
    now: number,
  ): Promise<Result<BudgetTicket, { readonly retryAfter: number }>>
  /** Gives the codes of a ticket back. Safe to repeat: a code is given back once. */
  giveBack(ticket: BudgetTicket): Promise<void>
  /** Refuses codes for this key until `until` (epoch ms), because WhatsApp answered 429. It never shortens the time. */
  coolDown(key: string, until: number, now: number): Promise<void>
}
