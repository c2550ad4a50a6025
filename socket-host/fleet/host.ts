/** A socket host: the shards that it owns, from claim to hand-over. */
import type { LeaseStore } from '#shared/ports.ts'
import { type Cancel, pause } from '../time.ts'
import { keepBeating } from './heartbeat.ts'
import { leaseKeeper } from './lease-keeper.ts'
import { hostShard, type ShardDeps, type ShardHost } from './shard.ts'

export type HostDeps = ShardDeps & {
  readonly leases: LeaseStore
  readonly host: {
    readonly hostId: string
    readonly version: string
    readonly shards: number
    readonly renewMs: number
    readonly staleMs: number
    /** How long running attempts may go on when the host is to stop. */
    readonly drainMs: number
  }
}

export type SocketHost = {
  start(): void
  /** Leaves every shard in good order and releases it; `hurry` cuts the wait for running attempts short. */
  drain(hurry?: AbortSignal): Promise<void>
  /** Sessions by status. */
  states(): Readonly<Record<string, number>>
  status(): { readonly shards: readonly number[]; readonly sessions: number; readonly lastContactAt: number }
}

export function socketHost(deps: HostDeps): SocketHost {
  const { time, log, leases } = deps
  const { hostId, version, shards, renewMs, staleMs, drainMs } = deps.host
  const since = time.now()
  const owned = new Map<number, ShardHost>()
  let stopBeat: Cancel = () => undefined
  let isDraining = false

  const keeper = leaseKeeper(
    { store: leases, time, log, hostId, shards, renewMs, staleMs },
    {
      acquired: (shard, lease) => {
        owned.set(shard, hostShard(deps, shard, lease))
      },
      lost: async (shard) => {
        const left = owned.get(shard)
        owned.delete(shard)
        await left?.abandon()
      },
      mayHandOver: (shard) => owned.get(shard)?.hasRunningAttempt() !== true,
      handOver: async (shard) => {
        await owned.get(shard)?.leave(AbortSignal.abort(), time.now())
        owned.delete(shard)
      },
    },
  )

  const sessions = () => [...owned.values()].reduce((sum, shard) => sum + shard.sessions(), 0)

  function states(): Record<string, number> {
    const byStatus = Map.groupBy(
      [...owned.values()].flatMap((shard) => shard.statuses()),
      (status) => status,
    )
    return Object.fromEntries([...byStatus].map(([status, same]) => [status, same.length]))
  }

  const describe = () => ({
    ...{ hostId, sessions: sessions(), shards: keeper.owned() },
    ...{ since, version, states: states() },
  })

  async function leaveShard(shard: number, patience: AbortSignal, leavesAt: number): Promise<void> {
    try {
      await owned.get(shard)?.leave(patience, leavesAt)
      owned.delete(shard)
      await keeper.release(shard)
    } catch (error) {
      log.warn('shard could not be released, its lease will go stale', { shard, error })
    }
  }

  return {
    start: () => {
      keeper.start()
      stopBeat = keepBeating(deps, describe)
    },
    states,
    status: () => ({ shards: keeper.owned(), sessions: sessions(), lastContactAt: keeper.lastContactAt() }),
    drain: async (hurry) => {
      if (isDraining) return
      isDraining = true
      const overdue = new AbortController()
      const leavesAt = time.now() + drainMs
      const cancel = time.after(drainMs, () => overdue.abort())
      const patience = hurry ? AbortSignal.any([hurry, overdue.signal]) : overdue.signal
      // The sockets stay open until the heirs look often: then a session is nobody's for a moment only.
      const announcedMs = await keeper.announceLeave()
      if (announcedMs > 0) await pause(time, announcedMs, patience)
      await Promise.all([...owned.keys()].map((shard) => leaveShard(shard, patience, leavesAt)))
      cancel()
      stopBeat()
      await keeper.stop()
    },
  }
}
