/**
 * Who may own which shard (R27): the rules of the leases, after the Kinesis Client Library. A lease has no expiry date. It
 * is stale when somebody has watched its version stand still for long enough, on a clock of their own:
 *
 *     owner      renew ok        renew fails ...     closes its sockets          (nothing more of it is heard)
 *                |--------- stale - margin ---------|                |
 *     watcher      sees version |------------------ stale ------------------| takes the lease, with a higher epoch
 *
 * The owner counts from the start of its last renewal that succeeded, the watcher from the end of the read that showed
 * it: so the owner's time is always up first, by more than the margin.
 */

/** A shard's lease, as far as the rules go. */
export type LeaseSeen = {
  readonly shard: number
  readonly epoch: number
  /** Changes with every renewal; staleness is judged by watching it. */
  readonly version: number
  readonly ownerId?: string
  /** A host that would like the shard; its owner hands it over when it can. */
  readonly wantedBy?: string
  /** The owner is about to give it up: `wantedBy` is its successor. */
  readonly isLeaving?: true
}

/** A lease, and since when (monotonic ms, this host's clock) it has looked just so, and been wanted by whom it is. */
export type ObservedLease = { readonly lease: LeaseSeen; readonly since: number; readonly wantedSince: number }

/** The next fencing token: it grows across restores of the table and corrections of the clock. */
export const nextEpoch = (previous: number, now: number): number => Math.max(previous + 1, now)

/** How much earlier an owner stops than its lease can be taken: longer than any store call and the closing of sockets. */
export const leaseMarginMs = (staleMs: number): number => Math.floor(staleMs / 3)

/** Monotonic ms until which a host owns a lease whose last successful renewal began at `renewedAt`. */
export const ownedUntil = (renewedAt: number, staleMs: number): number => renewedAt + staleMs - leaseMarginMs(staleMs)

/** Notes what a read has shown; `readAt` is when it ended (monotonic ms). */
export function watch(
  before: readonly ObservedLease[],
  leases: readonly LeaseSeen[],
  readAt: number,
): readonly ObservedLease[] {
  return leases.map((lease) => {
    const known = before.find((sighting) => sighting.lease.shard === lease.shard)
    return {
      lease,
      since: known && isUnchanged(known.lease, lease) ? known.since : readAt,
      wantedSince: known && known.lease.wantedBy === lease.wantedBy ? known.wantedSince : readAt,
    }
  })
}

const isUnchanged = (a: LeaseSeen, b: LeaseSeen): boolean =>
  a.epoch === b.epoch && a.version === b.version && a.ownerId === b.ownerId

/** What a host that plans knows. */
export type ClusterView = {
  readonly hostId: string
  readonly observed: readonly ObservedLease[]
  /** Shards that this host owns, by its own clock. */
  readonly owned: ReadonlySet<number>
  /** Shards that stand under its name but that it has given up: nobody else can own them, so it need not wait. */
  readonly abandoned: ReadonlySet<number>
  /** Monotonic ms. */
  readonly now: number
  readonly staleMs: number
  readonly renewMs: number
}

export type LeasePlan = {
  /** Whether a shard may be given to this host any moment now: then it looks often, so that nobody has it for as short as can be. */
  readonly expectsShard: boolean
  readonly claim: readonly LeaseSeen[]
  readonly want: LeaseSeen | undefined
  readonly handOver: number | undefined
}

/** What to do about the leases after a look at all of them. */
export function planLeases(outlook: ClusterView): LeasePlan {
  const { hostId, observed: sightings, owned, now, staleMs } = outlook
  const expectsShard = sightings.some(
    ({ lease, wantedSince }) =>
      lease.wantedBy === hostId && !owned.has(lease.shard) && (lease.isLeaving || now - wantedSince < staleMs),
  )
  return { claim: claims(outlook), want: shardToRequest(outlook), handOver: shardToOffer(outlook), expectsShard }
}

/** Everyone's share: with it, all hosts together cover all shards. */
export const fairShare = (shards: number, hosts: number): number => Math.ceil(shards / Math.max(1, hosts))

/**
 * Free and stale leases: at once what was given up for this host, and others up to the fair share; whatever is left after a
 * while, so that no shard stays without an owner because somebody who was counted in is gone.
 */
function claims(outlook: ClusterView): readonly LeaseSeen[] {
  const free = outlook.observed.filter((sighting) => isFree(outlook, sighting))
  const given = free.filter(({ lease }) => lease.ownerId === undefined && lease.wantedBy === outlook.hostId)
  const room = Math.max(0, fairShare(outlook.observed.length, liveHosts(outlook).size) - outlook.owned.size)
  const first = free.filter((sighting) => !isPromised(outlook, sighting)).slice(0, room)
  const leftOver = free.filter((sighting) => outlook.now - sighting.since >= patience(outlook, sighting))
  return [...new Set([...given, ...first, ...leftOver])].map((sighting) => sighting.lease)
}

const isFree = ({ hostId, owned, abandoned, now, staleMs }: ClusterView, { lease, since }: ObservedLease): boolean => {
  if (owned.has(lease.shard)) return false
  if (lease.ownerId === undefined) return true
  return now - since >= staleMs || (lease.ownerId === hostId && abandoned.has(lease.shard))
}

/** A shard that was given up for another host is left to it for a while. */
const isPromised = ({ hostId }: ClusterView, { lease }: ObservedLease): boolean =>
  lease.ownerId === undefined && lease.wantedBy !== undefined && lease.wantedBy !== hostId

/** How long a free lease is left to hosts that have fewer shards. */
const patience = ({ staleMs, renewMs }: ClusterView, { lease }: ObservedLease): number =>
  2 * renewMs + (lease.ownerId === undefined ? 0 : staleMs)

/** Asks the richest for a shard when that evens things out; one at a time. */
function shardToRequest(outlook: ClusterView): LeaseSeen | undefined {
  const { hostId, observed: sightings, owned } = outlook
  const others = sightings.filter(({ lease }) => isHeldBySomeoneElse(outlook, lease) && isLive(outlook, lease.shard))
  if (others.some(({ lease }) => lease.wantedBy === hostId)) return undefined
  if (owned.size >= fairShare(sightings.length, liveHosts(outlook).size)) return undefined
  const richest = countByOwner(others).sort((a, b) => b.count - a.count || (a.ownerId < b.ownerId ? -1 : 1))[0]
  if (!richest || richest.count < owned.size + 2) return undefined
  return others.find(({ lease }) => lease.ownerId === richest.ownerId && lease.wantedBy === undefined)?.lease
}

/** The shard to give to a host that has asked for it and has at least two fewer. */
function shardToOffer(outlook: ClusterView): number | undefined {
  const { observed: sightings, owned } = outlook
  const counts = countByOwner(sightings)
  const wanted = sightings.find(({ lease: { shard, wantedBy } }) => {
    if (!owned.has(shard) || wantedBy === undefined || wantedBy === outlook.hostId) return false
    const theirs = counts.find((each) => each.ownerId === wantedBy)?.count ?? 0
    return owned.size >= theirs + 2
  })
  return wanted?.lease.shard
}

/** A shard of a host that is to leave, and who is to have it. */
export type HandOff = { readonly shard: number; readonly successor: string }

/**
 * Shares the host's shards out among the others that live and stay, the poorest first; nothing when there are none. Shards
 * that have been left to such an successor already are left out.
 */
export function planHandOff(outlook: ClusterView): readonly HandOff[] {
  const { hostId, observed: sightings, owned } = outlook
  const held = new Map(countByOwner(sightings).map(({ ownerId, count }) => [ownerId, count]))
  const others = [...liveHosts(outlook)].filter((name) => name !== hostId && !isLeaving(outlook, name))
  const inherit = (successor: string) => held.set(successor, (held.get(successor) ?? 0) + 1)
  const open: number[] = []
  for (const { lease } of sightings.filter(({ lease: { shard } }) => owned.has(shard))) {
    if (lease.isLeaving && lease.wantedBy !== undefined && others.includes(lease.wantedBy)) inherit(lease.wantedBy)
    else open.push(lease.shard)
  }
  return open.flatMap((shard) => {
    const [successor] = others.toSorted((a, b) => (held.get(a) ?? 0) - (held.get(b) ?? 0) || (a < b ? -1 : 1))
    if (successor === undefined) return []
    inherit(successor)
    return [{ shard, successor }]
  })
}

const isLeaving = ({ observed: sightings }: ClusterView, hostId: string): boolean =>
  sightings.some(({ lease }) => lease.ownerId === hostId && lease.isLeaving)

function countByOwner(sightings: readonly ObservedLease[]): { ownerId: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { lease } of sightings)
    if (lease.ownerId !== undefined) counts.set(lease.ownerId, (counts.get(lease.ownerId) ?? 0) + 1)
  return [...counts].map(([ownerId, count]) => ({ ownerId, count }))
}

const isHeldBySomeoneElse = ({ hostId }: ClusterView, { ownerId }: LeaseSeen): boolean =>
  ownerId !== undefined && ownerId !== hostId

const isLive = ({ observed: sightings, now, staleMs }: ClusterView, shard: number): boolean =>
  sightings.some(({ lease, since }) => lease.shard === shard && now - since < staleMs)

/** Hosts that renew, and hosts that have asked for a shard lately. */
function liveHosts(outlook: ClusterView): ReadonlySet<string> {
  const names = outlook.observed
    .filter(({ lease }) => isLive(outlook, lease.shard))
    .flatMap(({ lease }) => [lease.ownerId, lease.wantedBy])
  return new Set([outlook.hostId, ...names.filter((name) => name !== undefined)])
}
