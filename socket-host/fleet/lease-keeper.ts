/** Keeps this host's leases: renews, claims, asks for a fair share and hands over; says which shards are its own (R27). */
import {
  type ClusterView,
  type LeaseSeen,
  nextEpoch,
  type ObservedLease,
  ownedUntil,
  planHandOff,
  planLeases,
  watch,
} from '#shared/domain/fleet/lease.ts'
import type { Lease } from '#shared/ports.ts'
import { type Cancel, pause } from '../time.ts'
import type { LeaseKeeper, LeaseKeeperDeps, LeaseListener } from './lease-keeper-port.ts'

type Holding = { lease: Lease; until: number; cancel: Cancel; isGivenUp: boolean; isRenewing: boolean }

export function leaseKeeper(deps: LeaseKeeperDeps, listener: LeaseListener): LeaseKeeper {
  const { store, time, log, hostId, staleMs, renewMs } = deps
  const holdings = new Map<number, Holding>()
  const abandoned = new Set<number>()
  const leaving = new Set<number>()
  const stopping = new AbortController()
  let sightings: readonly ObservedLease[] = []
  const newUntil = time.monotonic() + staleMs
  let lastContactAt = time.monotonic()
  let isClaiming = true
  let loop: Promise<void> = Promise.resolve()
  let looking: Promise<void> | undefined
  let stopTimer: Cancel = () => undefined

  const isHeld = (holding: Holding): boolean => !holding.isGivenUp && time.monotonic() < holding.until

  /** Counts from the start of the call: the lease was renewed at that moment at the earliest. */
  function extend(holding: Holding, lease: Lease, startedAt: number): void {
    holding.lease = lease
    holding.until = Math.max(holding.until, ownedUntil(startedAt, staleMs))
    holding.cancel()
    holding.cancel = time.after(holding.until - time.monotonic(), () => {
      if (time.monotonic() >= holding.until) giveUp(holding, 'not renewed in time')
      else extend(holding, holding.lease, startedAt)
    })
  }

  /** The shard's sockets close; only then may this host claim it again. */
  function giveUp(holding: Holding, why: string): void {
    const { shard, epoch } = holding.lease
    if (holding.isGivenUp) return
    holding.isGivenUp = true
    holding.cancel()
    log.warn('lease lost', { shard, epoch, why })
    const forget = () => {
      holdings.delete(shard)
      leaving.delete(shard)
      abandoned.add(shard)
    }
    listener.lost(shard).then(forget, (error: unknown) => {
      log.error('shard could not be left', { shard, error })
      forget()
    })
  }

  async function renew(holding: Holding): Promise<void> {
    if (holding.isGivenUp || holding.isRenewing || stopping.signal.aborted) return
    const startedAt = time.monotonic()
    holding.isRenewing = true
    try {
      const renewed = await store.renew(holding.lease, time.now())
      if (renewed === 'lost') giveUp(holding, 'another host rules')
      // Whoever was told in between that the lease is not held has left work undone: what has lapsed does not come back.
      else if (!isHeld(holding)) giveUp(holding, 'renewed too late')
      else extend(holding, renewed, startedAt)
    } catch (error) {
      // Nothing is known: the lease is kept until its time is up, and the renewal is tried again soon.
      log.warn('lease could not be renewed', { shard: holding.lease.shard, error })
      time.after(renewMs / 4, () => renew(holding))
    } finally {
      holding.isRenewing = false
    }
  }

  /** `beaten`: somebody else was faster. */
  async function claim(seen: LeaseSeen): Promise<'done' | 'beaten'> {
    const startedAt = time.monotonic()
    // Should the answer be lost, the lease may stand under this host's name.
    abandoned.add(seen.shard)
    const epoch = nextEpoch(seen.epoch, time.now())
    const lease = await store.claim(seen, hostId, epoch, time.now())
    if (!lease) return 'beaten'
    abandoned.delete(seen.shard)
    if (stopping.signal.aborted || !isClaiming) {
      await store.release(lease)
      return 'done'
    }
    const holding: Holding = { lease, until: 0, cancel: () => undefined, isGivenUp: false, isRenewing: false }
    holdings.set(lease.shard, holding)
    extend(holding, lease, startedAt)
    if (!isHeld(holding)) {
      giveUp(holding, 'claimed too slowly')
      return 'done'
    }
    log.info('lease acquired', { shard: lease.shard, epoch, from: seen.ownerId })
    listener.acquired(lease.shard, { hostId, epoch, isOwner: () => isHeld(holding) })
    return 'done'
  }

  async function release(shard: number): Promise<void> {
    const holding = holdings.get(shard)
    if (!holding || holding.isGivenUp) return
    holding.isGivenUp = true
    holding.cancel()
    holdings.delete(shard)
    abandoned.add(shard)
    await store.release(holding.lease)
    log.info('lease released', { shard, epoch: holding.lease.epoch, to: holding.lease.wantedBy })
  }

  function handOver(shard: number): void {
    if (leaving.has(shard) || !listener.mayHandOver(shard)) return
    leaving.add(shard)
    listener
      .handOver(shard)
      .then(() => release(shard))
      .catch((error: unknown) => {
        log.warn('shard could not be handed over, its lease will go stale', { shard, error })
        const holding = holdings.get(shard)
        if (holding) giveUp(holding, 'hand-over failed')
      })
      .finally(() => leaving.delete(shard))
  }

  const outlook = (): ClusterView => {
    const owned = new Set(holdings.keys())
    return { hostId, observed: sightings, owned, abandoned, now: time.monotonic(), staleMs, renewMs }
  }

  /** Resolves with the ms after which to look again, if not in the next round. */
  async function look(): Promise<number | undefined> {
    const leases = await store.readAll(deps.shards)
    lastContactAt = time.monotonic()
    sightings = watch(sightings, leases, lastContactAt)
    if (!isClaiming) {
      // Whoever leaves at the same moment is no heir; it shows when it has named its own.
      await bequeath()
      return renewMs / 10
    }
    const plan = planLeases(outlook())
    const claims = await Promise.all(plan.claim.map((lease) => guarded('claim', () => claim(lease))))
    // Another free lease may be left, and nobody is to wait for it until the next round.
    if (claims.includes('beaten')) return look()
    const { want } = plan
    if (want) await guarded('want', () => store.want(want, hostId))
    if (plan.handOver !== undefined) handOver(plan.handOver)
    // Hosts that start together sort out quickly who has what, before there are sessions to move.
    return plan.expectsShard || time.monotonic() < newUntil ? renewMs / 10 : undefined
  }

  async function guarded<T>(what: string, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act()
    } catch (error) {
      log.warn('lease call failed', { what, error })
      return undefined
    }
  }

  /** One look at a time; one that failed is repeated soon, since shards may be waiting for this host. */
  function lookOnce(): void {
    if (stopping.signal.aborted) return
    looking ??= guarded('read', async () => ({ againAfter: await look() })).then((seen) => {
      looking = undefined
      stopTimer()
      const againAfter = seen ? seen.againAfter : renewMs / 4
      if (againAfter !== undefined) stopTimer = time.after(againAfter, lookOnce)
    })
  }

  /** Looking and renewing do not wait for each other: a slow read must not cost a lease. */
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      lookOnce()
      for (const holding of holdings.values()) void renew(holding)
      await pause(time, renewMs, stopping.signal)
    }
    await looking
  }

  async function bequeath(): Promise<number> {
    const given = planHandOff(outlook())
    await Promise.all(
      given.map(({ shard, successor: heir }) => {
        const holding = holdings.get(shard)
        return holding && guarded('bequeath', () => store.offerTo(holding.lease, heir))
      }),
    )
    return given.length
  }

  async function announceLeave(): Promise<number> {
    isClaiming = false
    const heirs = await bequeath()
    lookOnce()
    return heirs > 0 ? renewMs : 0
  }

  return {
    start: () => {
      loop = run()
    },
    owned: () => [...holdings.values()].filter(isHeld).map((holding) => holding.lease.shard),
    lastContactAt: () => lastContactAt,
    announceLeave,
    release,
    stop: async () => {
      stopping.abort()
      stopTimer()
      for (const holding of holdings.values()) holding.cancel()
      await loop
    },
  }
}
