/** A socket host: claims shards, serves them, and hands them over when it stops. */
import type { LeaseStore } from '#shared/ports.ts'
import { type Cancel, pause } from '../time.ts'
import { keepHeartbeat } from './heartbeat.ts'
import { leaseKeeper } from './lease-keeper.ts'
import { ownedShards } from './owned-shards.ts'
import type { ShardDeps } from './shard.ts'

export type HostDeps = ShardDeps & {
  readonly leases: LeaseStore
  readonly host: {
    readonly hostId: string
    readonly version: string
    readonly shards: number
    readonly renewMs: number
    readonly staleMs: number
    /** Longest time that a drain waits for running attempts. */
    readonly drainMs: number
  }
}

export type SocketHost = {
  start(): void
  /**
   * Hands over every shard, releases its lease, and stops the host. It waits for running attempts for `drainMs` at
   * most; `hurry` ends that wait. A second call returns at once.
   */
  drain(hurry?: AbortSignal): Promise<void>
  /** Number of sessions by status. */
  states(): Readonly<Record<string, number>>
  /** Owned shards, the number of open sessions, and the time of the last contact with the store (monotonic ms). */
  status(): { readonly shards: readonly number[]; readonly sessions: number; readonly lastContactAt: number }
}

export function socketHost(deps: HostDeps): SocketHost {
  const { time, log, leases } = deps
  const { hostId, version, shards, renewMs, staleMs, drainMs } = deps.host
  const since = time.now()
  const owned = ownedShards(deps)
  const keeper = leaseKeeper({ store: leases, time, log, hostId, shards, renewMs, staleMs }, owned.listener)
  let stopHeartbeat: Cancel = () => undefined
  let isDraining = false

  const describe = () => ({
    ...{ hostId, sessions: owned.sessions(), shards: keeper.owned() },
    ...{ since, version, states: owned.states() },
  })

  async function handOverAndRelease(shard: number, patience: AbortSignal, handOverAt: number): Promise<void> {
    try {
      await owned.handOver(shard, patience, handOverAt)
      await keeper.release(shard)
    } catch (error) {
      log.warn('Could not hand over and release the shard, its lease will go stale', { shard, error })
    }
  }

  return {
    start: () => {
      keeper.start()
      stopHeartbeat = keepHeartbeat(deps, describe)
    },
    states: owned.states,
    status: () => ({ shards: keeper.owned(), sessions: owned.sessions(), lastContactAt: keeper.lastContactAt() }),
    drain: async (hurry) => {
      if (isDraining) return
      isDraining = true
      const overdue = new AbortController()
      const handOverAt = time.now() + drainMs
      const cancel = time.after(drainMs, () => overdue.abort())
      const patience = hurry ? AbortSignal.any([hurry, overdue.signal]) : overdue.signal
      // The sockets stay open until the successors poll the leases often: each session is then down only for a moment.
      const waitMs = await keeper.announceDrain()
      if (waitMs > 0) await pause(time, waitMs, patience)
      await Promise.all(owned.numbers().map((shard) => handOverAndRelease(shard, patience, handOverAt)))
      cancel()
      stopHeartbeat()
      await keeper.stop()
    },
  }
}
