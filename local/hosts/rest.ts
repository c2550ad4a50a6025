/** Tells when the shards have come to rest: a start is over when no host is about to hand one over. */

/** A shard's lease, as far as it says who has the shard and who will. */
export type ShardLease = {
  readonly owner?: string | undefined
  readonly wantedBy?: string | undefined
  readonly isLeaving?: boolean | undefined
}

/**
 * `moving`: a shard has no owner among the hosts, or will be handed over. `settling`: it will not, but its owner may have
 * decided about a host's request by what it read before. `at rest`: neither.
 */
export type Rest = 'moving' | 'settling' | 'at rest'

/** Looks at all leases. `hosts` are those of this run; a table that was kept names those of the last one, too. */
export function restOf(leases: readonly ShardLease[], hosts: readonly string[]): Rest {
  const counts = new Map(hosts.map((host) => [host, 0]))
  for (const { owner, isLeaving } of leases) {
    const count = owner === undefined ? undefined : counts.get(owner)
    if (owner === undefined || count === undefined || isLeaving) return 'moving'
    counts.set(owner, count + 1)
  }
  // Hosts ask for shards, and hand them over, while their numbers differ by two (shared/domain/fleet/lease.ts).
  if (Math.max(...counts.values()) - Math.min(...counts.values()) >= 2) return 'moving'
  const isWanted = leases.some(({ owner, wantedBy }) => wantedBy !== owner && wantedBy && counts.has(wantedBy))
  return isWanted ? 'settling' : 'at rest'
}
