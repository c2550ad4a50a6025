/** Leases that this host holds, and the ways in which they leave it: lost, released, or handed over to another host. */
import { type ClusterView, type ObservedLease, planHandOff } from '#shared/domain/fleet/lease.ts'
import type { Lease } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { type HeldLease, holdLease } from './held-lease.ts'
import type { LeaseKeeperDeps, LeaseListener } from './lease-keeper-port.ts'

export type Holdings = {
  readonly deps: LeaseKeeperDeps
  readonly listener: LeaseListener
  /** By shard. A lost lease stays until its sockets are closed: only then is the shard claimed again. */
  readonly leases: Map<number, HeldLease>
  /**
   * Shards that this host does not hold though their lease may still name it: it may claim them before they are stale.
   */
  readonly abandoned: Set<number>
  /** A shard is being moved to another host. */
  isMoving: boolean
  /** All leases of the fleet, as they were last read. */
  observed: readonly ObservedLease[]
}

export const noHoldings = (deps: LeaseKeeperDeps, listener: LeaseListener): Holdings => ({
  ...{ deps, listener },
  ...{ leases: new Map(), abandoned: new Set(), isMoving: false, observed: [] },
})

/** Returns the view on the leases by which this host plans. */
export function viewOf({ deps, leases, abandoned, observed }: Holdings): ClusterView {
  const { hostId, time, staleMs, renewMs } = deps
  return { hostId, observed, owned: new Set(leases.keys()), abandoned, now: time.monotonic(), staleMs, renewMs }
}

/** Returns the shards that this host owns by its own clock. */
export const heldShards = ({ leases }: Holdings): readonly number[] =>
  [...leases.values()].filter((own) => own.isHeld()).map(({ shard }) => shard)

/** Holds a lease whose claim was sent at `claimedAt` (monotonic ms), unless its time is over already. */
export function hold(holdings: Holdings, lease: Lease, claimedAt: number, from: string | undefined): void {
  const { deps, listener, leases } = holdings
  const { shard, epoch } = lease
  const own = holdLease(deps, lease, claimedAt, () => forgetWhenClosed(holdings, shard))
  leases.set(shard, own)
  if (!own.isHeld()) {
    own.lose('claimed too slowly')
    return
  }
  deps.log.info('Lease acquired', { shard, epoch, from })
  listener.acquired(shard, { hostId: deps.hostId, epoch, isOwner: own.isHeld })
}

/** Forgets a lost lease when the sockets of the shard are closed. */
function forgetWhenClosed({ deps, listener, leases, abandoned }: Holdings, shard: number): void {
  const forget = () => {
    leases.delete(shard)
    abandoned.add(shard)
  }
  listener.lost(shard).then(forget, (error: unknown) => {
    deps.log.error('Could not close the sockets of the shard', { shard, error })
    forget()
  })
}

/**
 * Returns a function that releases the lease of a shard as it is held now: when the shard has been handed over, the lease
 * may be lost, and the shard this host's again under another epoch. It rejects when the store fails; the lease then goes
 * stale.
 */
export function releaser({ deps, leases, abandoned }: Holdings, shard: number): () => Promise<void> {
  const own = leases.get(shard)
  return async () => {
    if (!own?.end()) return
    leases.delete(shard)
    abandoned.add(shard)
    const lease = own.lease()
    await deps.store.release(lease)
    deps.log.info('Lease released', { shard, epoch: own.epoch, to: lease.wantedBy })
  }
}

/**
 * Moves the first of these shards that may leave to the host that wants it: hands it over, then releases its lease. Does
 * nothing while another one moves.
 */
export async function moveOne(holdings: Holdings, shards: readonly number[]): Promise<void> {
  for (const shard of shards) if (holdings.isMoving || (await move(holdings, shard))) return
}

/** Resolves with false when the shard stays. */
async function move(holdings: Holdings, shard: number): Promise<boolean> {
  const { deps, listener, leases } = holdings
  const own = leases.get(shard)
  const release = releaser(holdings, shard)
  holdings.isMoving = true
  try {
    const hasLeft = await listener.move(shard)
    if (hasLeft) await release()
    else deps.log.debug('The shard stays, an attempt is running', { shard })
    return hasLeft
  } catch (error) {
    deps.log.warn('Could not hand over the shard, its lease will go stale', { shard, error })
    own?.lose('hand-over failed')
    return true
  } finally {
    holdings.isMoving = false
  }
}

/** Names a successor for each shard that has none. Resolves with the number of shards offered. */
export async function nameSuccessors(holdings: Holdings): Promise<number> {
  const { deps, leases } = holdings
  const handOffs = planHandOff(viewOf(holdings))
  await Promise.all(
    handOffs.map(({ shard, successor }) => {
      const own = leases.get(shard)
      return own && guarded(deps.log, 'nameSuccessor', () => deps.store.nameSuccessor(own.lease(), successor))
    }),
  )
  return handOffs.length
}

/** Logs a failed call of the store and returns undefined. */
export async function guarded<T>(log: Log, what: string, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    log.warn('Lease call failed', { what, error })
    return undefined
  }
}
