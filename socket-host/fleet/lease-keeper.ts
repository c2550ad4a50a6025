/**
 * Keeps this host's leases: claims a fair share, renews, hands over and releases, and knows which shards are owned
 * (R27).
 */
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

/**
 * A claimed lease. `until` (monotonic ms) is when ownership ends; `isOver` is set once it is lost or released, for
 * good.
 */
type Holding = { lease: Lease; until: number; cancel: Cancel; isOver: boolean; isRenewing: boolean }

export function leaseKeeper(deps: LeaseKeeperDeps, listener: LeaseListener): LeaseKeeper {
  const { store, time, log, hostId, staleMs, renewMs } = deps
  const holdings = new Map<number, Holding>()
  /**
   * Shards that this host does not hold though their lease may still name it: it may claim them before they are stale.
   */
  const abandoned = new Set<number>()
  const handingOver = new Set<number>()
  const stopping = new AbortController()
  let observed: readonly ObservedLease[] = []
  /** Until then (monotonic ms) the host counts as just started, and looks often. */
  const startingUntil = time.monotonic() + staleMs
  let lastContactAt = time.monotonic()
  let isClaiming = true
  let loop: Promise<void> = Promise.resolve()
  let looking: Promise<void> | undefined
  let stopTimer: Cancel = () => undefined

  const isHeld = (holding: Holding): boolean => !holding.isOver && time.monotonic() < holding.until

  /**
   * Extends ownership from the start of the call, not its end: other hosts may have seen the new version at any moment
   * in between, and their clocks for staleness start then.
   */
  function extend(holding: Holding, lease: Lease, startedAt: number): void {
    holding.lease = lease
    holding.until = Math.max(holding.until, ownedUntil(startedAt, staleMs))
    holding.cancel()
    holding.cancel = time.after(holding.until - time.monotonic(), () => {
      if (time.monotonic() >= holding.until) lose(holding, 'not renewed in time')
      else extend(holding, holding.lease, startedAt)
    })
  }

  /**
   * Ends ownership of a lease that was taken away, ran out, or could not be handed over. The shard is claimed again only
   * when its sockets are closed.
   */
  function lose(holding: Holding, why: string): void {
    const { shard, epoch } = holding.lease
    if (holding.isOver) return
    holding.isOver = true
    holding.cancel()
    log.warn('Lease lost', { shard, epoch, why })
    const forget = () => {
      holdings.delete(shard)
      handingOver.delete(shard)
      abandoned.add(shard)
    }
    listener.lost(shard).then(forget, (error: unknown) => {
      log.error('Could not close the sockets of the shard', { shard, error })
      forget()
    })
  }

  async function renew(holding: Holding): Promise<void> {
    if (holding.isOver || holding.isRenewing || stopping.signal.aborted) return
    const startedAt = time.monotonic()
    holding.isRenewing = true
    try {
      const renewed = await store.renew(holding.lease, time.now())
      if (renewed === 'lost') lose(holding, 'another host rules')
      // Ownership that has lapsed stays lost: code that found `isOwner` false meanwhile has skipped its work.
      else if (!isHeld(holding)) lose(holding, 'renewed too late')
      else extend(holding, renewed, startedAt)
    } catch (error) {
      // The renewal may have succeeded: the lease is held until its time is up, and the renewal is retried soon.
      log.warn('Could not renew the lease', { shard: holding.lease.shard, error })
      time.after(renewMs / 4, () => renew(holding))
    } finally {
      holding.isRenewing = false
    }
  }

  /** Claims a free or stale lease. Returns `beaten` when another host was faster. */
  async function claim(seen: LeaseSeen): Promise<'done' | 'beaten'> {
    const startedAt = time.monotonic()
    // If the answer is lost, the lease may name this host.
    abandoned.add(seen.shard)
    const epoch = nextEpoch(seen.epoch, time.now())
    const lease = await store.claim(seen, hostId, epoch, time.now())
    if (!lease) return 'beaten'
    abandoned.delete(seen.shard)
    if (stopping.signal.aborted || !isClaiming) {
      await store.release(lease)
      return 'done'
    }
    const holding: Holding = { lease, until: 0, cancel: () => undefined, isOver: false, isRenewing: false }
    holdings.set(lease.shard, holding)
    extend(holding, lease, startedAt)
    if (!isHeld(holding)) {
      lose(holding, 'claimed too slowly')
      return 'done'
    }
    log.info('Lease acquired', { shard: lease.shard, epoch, from: seen.ownerId })
    listener.acquired(lease.shard, { hostId, epoch, isOwner: () => isHeld(holding) })
    return 'done'
  }

  async function release(shard: number): Promise<void> {
    const holding = holdings.get(shard)
    if (!holding || holding.isOver) return
    holding.isOver = true
    holding.cancel()
    holdings.delete(shard)
    abandoned.add(shard)
    await store.release(holding.lease)
    log.info('Lease released', { shard, epoch: holding.lease.epoch, to: holding.lease.wantedBy })
  }

  /** Hands a shard over to the host that wants it, then releases the lease. */
  function startHandOver(shard: number): void {
    if (handingOver.has(shard) || !listener.mayHandOver(shard)) return
    handingOver.add(shard)
    listener
      .handOver(shard)
      .then(() => release(shard))
      .catch((error: unknown) => {
        log.warn('Could not hand over the shard, its lease will go stale', { shard, error })
        const holding = holdings.get(shard)
        if (holding) lose(holding, 'hand-over failed')
      })
      .finally(() => handingOver.delete(shard))
  }

  const clusterView = (): ClusterView => {
    const owned = new Set(holdings.keys())
    return { hostId, observed, owned, abandoned, now: time.monotonic(), staleMs, renewMs }
  }

  /** Reads all leases and acts on them. Resolves with the ms until the next look, or undefined for the next round. */
  async function look(): Promise<number | undefined> {
    const leases = await store.readAll(deps.shards)
    lastContactAt = time.monotonic()
    observed = watch(observed, leases, lastContactAt)
    if (!isClaiming) {
      // A chosen successor may be draining too, which shows once it has named successors of its own: then choose again.
      await nameSuccessors()
      return renewMs / 10
    }
    const plan = planLeases(clusterView())
    const claims = await Promise.all(plan.claim.map((lease) => guarded('claim', () => claim(lease))))
    // Another lease may still be free: look again at once, so that it does not stay free until the next round.
    if (claims.includes('beaten')) return look()
    const { want } = plan
    if (want) await guarded('want', () => store.want(want, hostId))
    if (plan.handOver !== undefined) startHandOver(plan.handOver)
    // Hosts that start together share out the shards quickly, before there are sessions to move.
    return plan.expectsShard || time.monotonic() < startingUntil ? renewMs / 10 : undefined
  }

  /** Logs a failed call of the store and returns undefined. */
  async function guarded<T>(what: string, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act()
    } catch (error) {
      log.warn('Lease call failed', { what, error })
      return undefined
    }
  }

  /** Runs one look at a time. A failed look is repeated soon, because shards may be waiting for this host. */
  function lookOnce(): void {
    if (stopping.signal.aborted) return
    looking ??= guarded('read', async () => ({ againAfter: await look() })).then((seen) => {
      looking = undefined
      stopTimer()
      const againAfter = seen ? seen.againAfter : renewMs / 4
      if (againAfter !== undefined) stopTimer = time.after(againAfter, lookOnce)
    })
  }

  /** Looks and renews in each round. Renewals do not wait for the look: a slow read must not cost a lease. */
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      lookOnce()
      for (const holding of holdings.values()) void renew(holding)
      await pause(time, renewMs, stopping.signal)
    }
    await looking
  }

  /** Names a successor for each shard that has none. Resolves with the number of shards offered. */
  async function nameSuccessors(): Promise<number> {
    const handOffs = planHandOff(clusterView())
    await Promise.all(
      handOffs.map(({ shard, successor }) => {
        const holding = holdings.get(shard)
        return holding && guarded('nameSuccessor', () => store.nameSuccessor(holding.lease, successor))
      }),
    )
    return handOffs.length
  }

  async function announceDrain(): Promise<number> {
    isClaiming = false
    const offered = await nameSuccessors()
    lookOnce()
    return offered > 0 ? renewMs : 0
  }

  return {
    start: () => {
      loop = run()
    },
    owned: () => [...holdings.values()].filter(isHeld).map((holding) => holding.lease.shard),
    lastContactAt: () => lastContactAt,
    announceDrain,
    release,
    stop: async () => {
      stopping.abort()
      stopTimer()
      for (const holding of holdings.values()) holding.cancel()
      await loop
    },
  }
}
