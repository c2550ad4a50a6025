/** One lease that this host has claimed, and the clock of its ownership (R27). */
import { ownedUntil } from '#shared/domain/fleet/lease.ts'
import type { Lease } from '#shared/ports.ts'
import type { Cancel, Time } from '../time.ts'
import type { LeaseKeeperDeps } from './lease-keeper-port.ts'

export type HeldLease = {
  readonly shard: number
  readonly epoch: number
  /** Returns the lease as it was last claimed or renewed. */
  lease(): Lease
  /** True while this host owns the shard, by its monotonic clock. Once false, it stays false. */
  isHeld(): boolean
  /** Renews the lease, unless it is over or is being renewed. A failed call is repeated soon. Never rejects. */
  renew(): Promise<void>
  /** Ends ownership for good, for that reason, and calls `onLost`. Does nothing when it is over. */
  lose(why: string): void
  /** Ends ownership for good, to release the lease. Returns false when it was over before. */
  end(): boolean
  /** Stops the clock without ending ownership: the host stops, and the lease goes stale. */
  stop(): void
}

/**
 * Holds a lease whose claim was sent at `claimedAt` (monotonic ms). `onLost` is called when the lease is taken away, is
 * not renewed in time, or is lost for a reason of the caller; it is not called after `end`.
 */
export function holdLease(
  { store, time, log, staleMs, renewMs }: LeaseKeeperDeps,
  claimed: Lease,
  claimedAt: number,
  onLost: () => void,
): HeldLease {
  const { shard, epoch } = claimed
  const ownership = ownershipFrom(claimedAt, time, staleMs, () => lose('not renewed in time'))
  let lease = claimed
  let isStopped = false
  let isRenewing = false
  let cancelRetry: Cancel = () => undefined

  function end(): boolean {
    cancelRetry()
    return ownership.end()
  }

  function lose(why: string): void {
    if (!end()) return
    log.warn('Lease lost', { shard, epoch, why })
    onLost()
  }

  async function renew(): Promise<void> {
    if (ownership.isOver() || isStopped || isRenewing) return
    const startedAt = time.monotonic()
    isRenewing = true
    try {
      const renewed = await store.renew(lease, time.now())
      if (renewed === 'lost') return lose('another host rules')
      // Ownership that has lapsed stays lost: code that found `isOwner` false meanwhile has skipped its work.
      if (!ownership.isHeld()) return lose('renewed too late')
      lease = renewed
      if (!isStopped) ownership.extend(startedAt)
    } catch (error) {
      // The renewal may have succeeded: the lease is held until its time is up, and the renewal is retried soon.
      log.warn('Could not renew the lease', { shard, error })
      if (!isStopped) cancelRetry = time.after(renewMs / 4, () => renew())
    } finally {
      isRenewing = false
    }
  }

  return {
    ...{ shard, epoch, renew, lose, isHeld: ownership.isHeld, end },
    lease: () => lease,
    stop: () => {
      isStopped = true
      cancelRetry()
      ownership.stopTimer()
    },
  }
}

/** Makes the clock of an ownership that was claimed at `claimedAt`. `onExpired` is called when its time is up. */
function ownershipFrom(claimedAt: number, time: Time, staleMs: number, onExpired: () => void) {
  let until = 0
  let isOver = false
  let stopTimer: Cancel = () => undefined

  /** Timers can fire early: only the clock ends the ownership. */
  function expire(): void {
    const left = until - time.monotonic()
    if (left > 0) stopTimer = time.after(left, expire)
    else onExpired()
  }

  /**
   * Extends ownership from the start of the call, not its end: other hosts may have seen the new version at any moment
   * in between, and their clocks for staleness start then.
   */
  function extend(startedAt: number): void {
    until = Math.max(until, ownedUntil(startedAt, staleMs))
    stopTimer()
    stopTimer = time.after(until - time.monotonic(), expire)
  }

  extend(claimedAt)
  return {
    extend,
    isHeld: () => !isOver && time.monotonic() < until,
    isOver: () => isOver,
    /** Ends it for good. Returns false when it was over before. */
    end: () => {
      stopTimer()
      const wasOver = isOver
      isOver = true
      return !wasOver
    },
    stopTimer: () => stopTimer(),
  }
}
