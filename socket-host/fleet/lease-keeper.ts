/**
 * Keeps this host's leases: looks at all leases in rounds, claims a fair share, renews, and hands over (R27). One lease
 * and its clock are in `held-lease.ts`, the ways in which a lease leaves this host in `holdings.ts`.
 */
import { type LeasePlan, type LeaseSeen, nextEpoch, planLeases, watch } from '#shared/domain/fleet/lease.ts'
import { type Cancel, pause } from '../time.ts'
import {
  guarded,
  type Holdings,
  heldShards,
  hold,
  moveOne,
  nameSuccessors,
  noHoldings,
  releaser,
  viewOf,
} from './holdings.ts'
import type { LeaseKeeper, LeaseKeeperDeps, LeaseListener } from './lease-keeper-port.ts'

export function leaseKeeper(deps: LeaseKeeperDeps, listener: LeaseListener): LeaseKeeper {
  const { store, time, renewMs } = deps
  const holdings = noHoldings(deps, listener)
  const stopping = new AbortController()
  let lastContactAt = time.monotonic()
  let isClaiming = true
  let loop: Promise<void> = Promise.resolve()
  /** Monotonic ms. Until then the host looks often: hosts that start together share out the shards without sessions. */
  const startingUntil = time.monotonic() + deps.staleMs
  const looks = lookRounds(deps, look, stopping.signal)

  /** Reads all leases and acts on them. Resolves with the ms until the next look, unless the next round comes first. */
  async function look(): Promise<number> {
    const leases = await store.readAll(deps.shards)
    lastContactAt = time.monotonic()
    holdings.observed = watch(holdings.observed, leases, lastContactAt)
    if (!isClaiming) return nameAgain(holdings)
    const plan = planLeases(viewOf(holdings))
    const claims = await Promise.all(plan.claim.map(claim))
    // Another lease may still be free: look again at once, so that it does not stay free until the next round.
    if (claims.includes('beaten')) return look()
    await shareOut(holdings, plan)
    const now = time.monotonic()
    const againAfter = plan.expectsShard || now < startingUntil ? renewMs / 10 : Number.POSITIVE_INFINITY
    return Math.min(againAfter, (plan.staleAt ?? Number.POSITIVE_INFINITY) - now)
  }

  const mayClaim = () => isClaiming && !stopping.signal.aborted
  const claim = (seen: LeaseSeen) => guarded(deps.log, 'claim', () => claimLease(holdings, seen, mayClaim))

  /** Looks and renews in each round. Renewals do not wait for the look: a slow read must not cost a lease. */
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      looks.look()
      for (const own of holdings.leases.values()) void own.renew()
      await pause(time, renewMs, stopping.signal)
    }
    await looks.settled()
  }

  return {
    start: () => {
      loop = run()
    },
    owned: () => heldShards(holdings),
    lastContactAt: () => lastContactAt,
    announceDrain: async () => {
      isClaiming = false
      const offered = await nameSuccessors(holdings)
      looks.look()
      return offered > 0 ? renewMs : 0
    },
    releaser: (shard) => releaser(holdings, shard),
    stop: async () => {
      stopping.abort()
      for (const own of holdings.leases.values()) own.stop()
      await loop
    },
  }
}

/**
 * Claims a free or stale lease, and releases it at once when the host has stopped claiming meanwhile. Returns `beaten`
 * when another host was faster.
 */
async function claimLease(holdings: Holdings, seen: LeaseSeen, isClaiming: () => boolean): Promise<'done' | 'beaten'> {
  const { abandoned, deps } = holdings
  const { store, time, hostId } = deps
  const claimedAt = time.monotonic()
  // If the answer is lost, the lease may name this host.
  abandoned.add(seen.shard)
  const lease = await store.claim(seen, hostId, nextEpoch(seen.epoch, time.now()), time.now())
  if (!lease) return 'beaten'
  abandoned.delete(seen.shard)
  if (isClaiming()) hold(holdings, lease, claimedAt, seen.ownerId)
  else await store.release(lease)
  return 'done'
}

/**
 * Chooses again where a chosen successor is draining too, which shows once it has named successors of its own. Resolves
 * with the ms until the next look.
 */
async function nameAgain(holdings: Holdings): Promise<number> {
  await nameSuccessors(holdings)
  return holdings.deps.renewMs / 10
}

/** Asks for one more shard, and moves one, as planned. The next look does not wait for the move. */
async function shareOut(holdings: Holdings, { want, move }: LeasePlan): Promise<void> {
  const { store, log, hostId } = holdings.deps
  if (want) await guarded(log, 'want', () => store.want(want, hostId))
  void moveOne(holdings, move)
}

/**
 * Runs one look at a time, and repeats it when the look says so. A failed look is repeated soon, because shards may be
 * waiting for this host. No look begins after the signal.
 */
function lookRounds({ time, log, renewMs }: LeaseKeeperDeps, look: () => Promise<number>, signal: AbortSignal) {
  let looking: Promise<void> | undefined
  let stopTimer: Cancel = () => undefined
  signal.addEventListener('abort', () => stopTimer())

  function lookOnce(): void {
    if (signal.aborted) return
    looking ??= guarded(log, 'read', async () => ({ againAfter: await look() })).then((seen) => {
      looking = undefined
      stopTimer()
      const againAfter = seen ? seen.againAfter : renewMs / 4
      // Otherwise the next round comes first.
      if (againAfter < renewMs && !signal.aborted) stopTimer = time.after(againAfter, lookOnce)
    })
  }

  return { look: lookOnce, settled: async () => looking }
}
