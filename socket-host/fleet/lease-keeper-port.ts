/** What the keeper of a host's leases needs, tells and offers. */
import type { LeaseStore } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { OwnedLease } from '../company/deps.ts'
import type { Time } from '../time.ts'

export type LeaseKeeperDeps = {
  readonly store: LeaseStore
  readonly time: Time
  readonly log: Log
  readonly hostId: string
  readonly shards: number
  readonly renewMs: number
  readonly staleMs: number
}

/** Who acts on what the keeper finds out. */
export type LeaseListener = {
  acquired(shard: number, lease: OwnedLease): void
  /** The lease is gone or about to go: resolves when every socket of the shard is closed. Writes nothing. */
  lost(shard: number): Promise<void>
  /** Whether the shard may be handed over now: not while one of its attempts runs. */
  mayHandOver(shard: number): boolean
  /** Leaves the shard in good order; the lease is released after it. */
  handOver(shard: number): Promise<void>
}

export type LeaseKeeper = {
  start(): void
  /** Shards owned by this host's own clock. */
  owned(): readonly number[]
  /** Monotonic ms of the last round that got through to the store. */
  lastContactAt(): number
  /**
   * Claims nothing more, and names a heir for each shard; what is owned goes on being renewed. Resolves with how long to
   * wait, in ms, until the heirs know and look often; 0 when there are none.
   */
  announceLeave(): Promise<number>
  /** Gives a shard up that has been left in good order. */
  release(shard: number): Promise<void>
  /** Ends the loop; leases that are still held go stale. */
  stop(): Promise<void>
}
