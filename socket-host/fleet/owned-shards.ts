/** The shards that a host owns: started, handed over and closed as their leases come and go. */
import { limiter } from '#shared/async/limiter.ts'
import type { LeaseListener } from './lease-keeper-port.ts'
import { hostShard, maxAdoptions, type ShardDeps, type ShardHost } from './shard.ts'

export type OwnedShards = {
  readonly listener: LeaseListener
  numbers(): readonly number[]
  /** Plans that every shard is handed over by that time (epoch ms). */
  planHandOver(at: number): void
  /** As in `ShardHost`. Does nothing when the shard is not owned. */
  handOver(shard: number, patience: AbortSignal): Promise<void>
  /** Number of open sessions. */
  sessions(): number
  /** Number of sessions by status. */
  states(): Readonly<Record<string, number>>
}

export function ownedShards(hostDeps: Omit<ShardDeps, 'adoptions'>): OwnedShards {
  const deps = { ...hostDeps, adoptions: limiter(maxAdoptions) }
  const owned = new Map<number, ShardHost>()

  /** Forgets the shard, unless its lease was lost meanwhile and this host owns it anew. */
  function forget(shard: number, left: ShardHost | undefined): void {
    if (owned.get(shard) === left) owned.delete(shard)
  }

  async function handOver(shard: number, patience: AbortSignal): Promise<void> {
    const shardHost = owned.get(shard)
    await shardHost?.handOver(patience)
    forget(shard, shardHost)
  }

  return {
    listener: {
      acquired: (shard, lease) => void owned.set(shard, hostShard(deps, shard, lease)),
      lost: async (shard) => {
        const shardHost = owned.get(shard)
        owned.delete(shard)
        await shardHost?.closeSockets()
      },
      move: async (shard) => {
        const shardHost = owned.get(shard)
        if (shardHost && !(await shardHost.move())) return false
        forget(shard, shardHost)
        return true
      },
    },
    numbers: () => [...owned.keys()],
    planHandOver: (at) => {
      for (const shardHost of owned.values()) shardHost.planHandOver(at)
    },
    handOver,
    sessions: () => [...owned.values()].reduce((sum, shard) => sum + shard.sessions(), 0),
    states: () => countEach([...owned.values()].flatMap((shard) => shard.statuses())),
  }
}

/** Returns how often each value occurs. */
export function countEach(values: readonly string[]): Record<string, number> {
  const groups = Map.groupBy(values, (value) => value)
  return Object.fromEntries([...groups].map(([value, same]) => [value, same.length]))
}
