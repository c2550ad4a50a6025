/** A lease store in memory, for any number of hosts. */
import type { LeaseSeen } from '#shared/domain/fleet/lease.ts'
import type { Lease, LeaseStore } from '#shared/ports.ts'

export type MemoryLeaseStore = LeaseStore & {
  /** The last heartbeat of each host. */
  readonly heartbeats: Map<string, Parameters<LeaseStore['writeHeartbeat']>[0]>
}

export function memoryLeaseStore(): MemoryLeaseStore {
  const leases = new Map<number, Lease>()
  const heartbeats: MemoryLeaseStore['heartbeats'] = new Map()
  const current = (shard: number): Lease => leases.get(shard) ?? { shard, epoch: 0, version: 0, renewedAt: 0 }
  const isOwnedBy = ({ shard, epoch, ownerId }: LeaseSeen) =>
    ownerId !== undefined && current(shard).ownerId === ownerId && current(shard).epoch === epoch
  const put = (lease: Lease): Lease => {
    leases.set(lease.shard, lease)
    return lease
  }

  return {
    heartbeats,
    readAll: async (shards) => Array.from({ length: shards }, (_, shard) => current(shard)),
    async claim(seen, ownerId, epoch, now) {
      const { shard } = seen
      const found = current(shard)
      if (found.ownerId === ownerId && found.epoch === epoch) return found
      const isAsSeen = found.epoch === seen.epoch && found.version === seen.version && found.ownerId === seen.ownerId
      return isAsSeen ? put({ shard, ownerId, epoch, version: seen.version + 1, renewedAt: now }) : undefined
    },
    async renew(lease, now) {
      const found = current(lease.shard)
      return isOwnedBy(lease) ? put({ ...found, version: found.version + 1, renewedAt: now }) : 'lost'
    },
    async want(lease, hostId) {
      if (isOwnedBy(lease)) put({ ...current(lease.shard), wantedBy: hostId })
    },
    async nameSuccessor(lease, successor) {
      if (isOwnedBy(lease)) put({ ...current(lease.shard), wantedBy: successor, isLeaving: true })
    },
    async release(lease) {
      const { ownerId, ...released } = current(lease.shard)
      if (isOwnedBy(lease)) put({ ...released, version: released.version + 1 })
    },
    async writeHeartbeat(heartbeat) {
      heartbeats.set(heartbeat.hostId, heartbeat)
    },
  }
}
