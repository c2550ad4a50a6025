/** Types of the lease keeper: its dependencies, its listener and its methods. */
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

/** Receives the keeper's events and carries out its hand-overs. */
export type LeaseListener = {
  /** Called when the host has claimed the lease of the shard. */
  acquired(shard: number, lease: OwnedLease): void
  /**
   * Called when the lease has been taken away, has run out, or could not be handed over. Must resolve when the shard's
   * sockets are closed, except those of unlinks whose credentials only this process holds, and must write nothing:
   * another host may own the shard. Only then does this host claim the shard again.
   */
  lost(shard: number): Promise<void>
  /**
   * Hands over the shard's companies; the keeper then releases the lease. Resolves with false, and the shard stays, while
   * one of its attempts is running (R28). If it rejects, the keeper lets the lease go stale.
   */
  move(shard: number): Promise<boolean>
}

export type LeaseKeeper = {
  start(): void
  /** Shards that this host owns by its own clock. */
  owned(): readonly number[]
  /** Monotonic ms of the last successful read of the leases. */
  lastContactAt(): number
  /**
   * Stops claiming and names a successor for each owned shard; owned leases are still renewed. Resolves with the ms to
   * wait until the successors have noticed and poll often, or 0 when there is no successor.
   */
  announceDrain(): Promise<number>
  /**
   * Returns a function that releases the lease of the shard, as it is held now, when the shard has been handed over. Does
   * nothing when that ownership is over.
   */
  releaser(shard: number): () => Promise<void>
  /** Ends the loop. Leases that are still held go stale. */
  stop(): Promise<void>
}
