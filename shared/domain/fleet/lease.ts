/**
 * Rules of the leases, which say what host owns a shard (R27), after the Kinesis Client Library. A lease has no expiry
 * date. It is stale for a host that has seen its version unchanged for long enough, on the monotonic clock of that
 * host:
 *
 *     owner      renew ok        renew fails ...     closes its sockets          (sends nothing more)
 *                |--------- stale - margin ---------|                |
 *     watcher      sees version |------------------ stale ------------------| takes the lease, with a higher epoch
 *
 * The owner counts from the start of its last successful renewal, the watcher from the end of the read that showed it.
 * The owner's time is therefore always up first, by at least the margin.
 */

/** A shard's lease as a host has read it; the fields that the rules need. */
export type LeaseSeen = {
  readonly shard: number
  /**
   * Counts the ownerships of the shard. It only grows: a host raises it when it claims the lease (`nextEpoch`). Lease
   * writes, `STATE` and rows of credentials refuse a lower one.
   */
  readonly epoch: number
  /** Counts claims, renewals and releases of the lease: a lease whose version does not change for too long is stale. */
  readonly version: number
  readonly ownerId?: string
  /** A host that has asked for the shard; the owner hands it over when that evens out the load. */
  readonly wantedBy?: string
  /** The owner is about to release the lease, and `wantedBy` is its successor. */
  readonly isLeaving?: true
}

/**
 * A lease, and since when it has been unchanged, by this host's monotonic clock in ms: `since` for epoch, version and
 * owner, `wantedSince` for `wantedBy`.
 */
export type ObservedLease = { readonly lease: LeaseSeen; readonly since: number; readonly wantedSince: number }

/** Returns the epoch of a new claim. The time (epoch ms) makes it grow even if a restored table has an old epoch. */
export const nextEpoch = (previous: number, now: number): number => Math.max(previous + 1, now)

/** Milliseconds by which an owner stops before its lease can be taken; more than a store call or a close takes. */
export const leaseMarginMs = (staleMs: number): number => Math.floor(staleMs / 3)

/** Monotonic ms until which a host owns a lease whose last successful renewal began at `renewedAt`. */
export const ownedUntil = (renewedAt: number, staleMs: number): number => renewedAt + staleMs - leaseMarginMs(staleMs)

/** Updates the observed leases after a read of all of them that ended at `readAt` (monotonic ms). */
export function watch(
  before: readonly ObservedLease[],
  leases: readonly LeaseSeen[],
  readAt: number,
): readonly ObservedLease[] {
  return leases.map((lease) => {
    const known = before.find((entry) => entry.lease.shard === lease.shard)
    return {
      lease,
      since: known && isUnchanged(known.lease, lease) ? known.since : readAt,
      wantedSince: known && known.lease.wantedBy === lease.wantedBy ? known.wantedSince : readAt,
    }
  })
}

const isUnchanged = (a: LeaseSeen, b: LeaseSeen): boolean =>
  a.epoch === b.epoch && a.version === b.version && a.ownerId === b.ownerId

/** Input of a plan: the leases and the load as this host knows them. */
export type ClusterView = {
  readonly hostId: string
  readonly observed: readonly ObservedLease[]
  /** Shards that this host owns, by its own clock. */
  readonly owned: ReadonlySet<number>
  /** Shards whose lease still names this host although it has given them up: it may claim them without waiting. */
  readonly abandoned: ReadonlySet<number>
  /** Monotonic ms. */
  readonly now: number
  readonly staleMs: number
  readonly renewMs: number
}

/** Result of a plan. */
export type LeasePlan = {
  /**
   * True when a shard may be handed to this host soon: it then reads the leases often, so that the shard has no owner
   * for as short a time as possible.
   */
  readonly expectsShard: boolean
  /**
   * Monotonic ms at which the first lease of another host will be stale, unless it is renewed. The host looks again then:
   * the sessions of a dead host do not wait for its next round.
   */
  readonly staleAt: number | undefined
  /** Leases to claim. */
  readonly claim: readonly LeaseSeen[]
  /** Lease to ask for. */
  readonly want: LeaseSeen | undefined
  /** Owned shards of which one may move to the host that wants it. */
  readonly move: readonly number[]
}

/** Plans what to do about the leases after a read of all of them. */
export function planLeases(view: ClusterView): LeasePlan {
  const { hostId, observed, owned, now, staleMs } = view
  const expectsShard = observed.some(
    ({ lease, wantedSince }) =>
      lease.wantedBy === hostId && !owned.has(lease.shard) && (lease.isLeaving || now - wantedSince < staleMs),
  )
  const plan = { claim: claims(view), want: shardToRequest(view), move: shardsToOffer(view) }
  return { ...plan, expectsShard, staleAt: nextStaleAt(view) }
}

function nextStaleAt(view: ClusterView): number | undefined {
  const others = view.observed.filter(({ lease }) => isOwnedByOther(view, lease) && isLive(view, lease.shard))
  return others.length > 0 ? Math.min(...others.map(({ since }) => since)) + view.staleMs : undefined
}

/** Number of shards per host, rounded up so that all hosts together cover all shards. */
export const fairShare = (shards: number, hosts: number): number => Math.ceil(shards / Math.max(1, hosts))

/**
 * Free and stale leases to claim: at once those that were released for this host, and others up to its fair share. Any
 * that are still free after a while are claimed too: a host that was counted as alive may be gone, and no shard may
 * stay without an owner.
 */
function claims(view: ClusterView): readonly LeaseSeen[] {
  const free = view.observed.filter((entry) => isFree(view, entry))
  const reserved = free.filter(({ lease }) => lease.ownerId === undefined && lease.wantedBy === view.hostId)
  const room = Math.max(0, fairShare(view.observed.length, liveHosts(view).size) - view.owned.size)
  const upToShare = free.filter((entry) => !isReservedForOther(view, entry)).slice(0, room)
  const leftOver = free.filter((entry) => view.now - entry.since >= waitBeforeClaim(view, entry))
  return [...new Set([...reserved, ...upToShare, ...leftOver])].map((entry) => entry.lease)
}

const isFree = ({ hostId, owned, abandoned, now, staleMs }: ClusterView, { lease, since }: ObservedLease): boolean => {
  if (owned.has(lease.shard)) return false
  if (lease.ownerId === undefined) return true
  return now - since >= staleMs || (lease.ownerId === hostId && abandoned.has(lease.shard))
}

/** True when the lease was released for another host, which gets some time to claim it. */
const isReservedForOther = ({ hostId }: ClusterView, { lease }: ObservedLease): boolean =>
  lease.ownerId === undefined && lease.wantedBy !== undefined && lease.wantedBy !== hostId

/** Milliseconds for which a free or stale lease is left to hosts that have fewer shards. */
const waitBeforeClaim = ({ staleMs, renewMs }: ClusterView, { lease }: ObservedLease): number =>
  2 * renewMs + (lease.ownerId === undefined ? 0 : staleMs)

/** The lease to ask for: one of the host with the most shards, if that evens out the load; one at a time. */
function shardToRequest(view: ClusterView): LeaseSeen | undefined {
  const { hostId, observed, owned } = view
  const others = observed.filter(({ lease }) => isOwnedByOther(view, lease) && isLive(view, lease.shard))
  if (others.some(({ lease }) => lease.wantedBy === hostId)) return undefined
  if (owned.size >= fairShare(observed.length, liveHosts(view).size)) return undefined
  const busiest = countByOwner(others).sort((a, b) => b.count - a.count || (a.ownerId < b.ownerId ? -1 : 1))[0]
  if (!busiest || busiest.count < owned.size + 2) return undefined
  return others.find(({ lease }) => lease.ownerId === busiest.ownerId && lease.wantedBy === undefined)?.lease
}

/** The shards of which one may move: a host has asked for each, and has at least two shards fewer. */
function shardsToOffer(view: ClusterView): readonly number[] {
  const { observed, owned } = view
  const counts = countByOwner(observed)
  const wanted = observed.filter(({ lease: { shard, wantedBy } }) => {
    if (!owned.has(shard) || wantedBy === undefined || wantedBy === view.hostId) return false
    const theirs = counts.find((each) => each.ownerId === wantedBy)?.count ?? 0
    return owned.size >= theirs + 2
  })
  return wanted.map(({ lease }) => lease.shard)
}

/** A shard of a host that is stopping, and the host that is to get it. */
export type HandOff = { readonly shard: number; readonly successor: string }

/**
 * Plans how a stopping host hands its shards over to the live hosts that are not stopping, those with the fewest shards
 * first. Empty when there are none. Shards that were already offered to such a host are left out.
 */
export function planHandOff(view: ClusterView): readonly HandOff[] {
  const { hostId, observed, owned } = view
  const held = new Map(countByOwner(observed).map(({ ownerId, count }) => [ownerId, count]))
  const others = [...liveHosts(view)].filter((name) => name !== hostId && !isLeaving(view, name))
  const assign = (successor: string) => held.set(successor, (held.get(successor) ?? 0) + 1)
  const open: number[] = []
  for (const { lease } of observed.filter(({ lease: { shard } }) => owned.has(shard))) {
    if (lease.isLeaving && lease.wantedBy !== undefined && others.includes(lease.wantedBy)) assign(lease.wantedBy)
    else open.push(lease.shard)
  }
  return open.flatMap((shard) => {
    const [successor] = others.toSorted((a, b) => (held.get(a) ?? 0) - (held.get(b) ?? 0) || (a < b ? -1 : 1))
    if (successor === undefined) return []
    assign(successor)
    return [{ shard, successor }]
  })
}

const isLeaving = ({ observed }: ClusterView, hostId: string): boolean =>
  observed.some(({ lease }) => lease.ownerId === hostId && lease.isLeaving)

function countByOwner(observed: readonly ObservedLease[]): { ownerId: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { lease } of observed)
    if (lease.ownerId !== undefined) counts.set(lease.ownerId, (counts.get(lease.ownerId) ?? 0) + 1)
  return [...counts].map(([ownerId, count]) => ({ ownerId, count }))
}

const isOwnedByOther = ({ hostId }: ClusterView, { ownerId }: LeaseSeen): boolean =>
  ownerId !== undefined && ownerId !== hostId

const isLive = ({ observed, now, staleMs }: ClusterView, shard: number): boolean =>
  observed.some(({ lease, since }) => lease.shard === shard && now - since < staleMs)

/** Names of this host and of the hosts that own, or have asked for, a lease that is not stale. */
function liveHosts(view: ClusterView): ReadonlySet<string> {
  const names = view.observed
    .filter(({ lease }) => isLive(view, lease.shard))
    .flatMap(({ lease }) => [lease.ownerId, lease.wantedBy])
  return new Set([view.hostId, ...names.filter((name) => name !== undefined)])
}
