/** A lease keeper on a fake clock and a table in memory, that can be paused as a machine can. */
import { createLog } from '#shared/telemetry/log.ts'
import type { OwnedLease } from '../../../socket-host/company/deps.ts'
import { leaseKeeper } from '../../../socket-host/fleet/lease-keeper.ts'
import type { LeaseKeeper } from '../../../socket-host/fleet/lease-keeper-port.ts'
import { pause, type Time } from '../../../socket-host/time.ts'
import type { FakeClock } from '../../fakes/fake-clock.ts'
import type { MemoryLeaseStore } from '../../fakes/memory-lease-store.ts'
import { type CallFate, smooth, troubledLeases } from './troubled-leases.ts'

export const staleMs = 10_000
export const renewMs = 3000
export const shards = 4

/** The clock of a process: one that is paused fires its timers late, but its clock goes on. */
const pausable = (clock: FakeClock, pausedUntil: () => number): Time => ({
  ...clock,
  after: (ms, action) => {
    let cancelled = false
    let cancel = clock.after(ms, function fire() {
      if (cancelled) return
      if (clock.monotonic() < pausedUntil()) cancel = clock.after(pausedUntil() - clock.monotonic(), fire)
      else action()
    })
    return () => {
      cancelled = true
      cancel()
    }
  },
})

/** One host: its keeper, the shards that it believes to own, and its log. */
export function hostOn(
  clock: FakeClock,
  table: MemoryLeaseStore,
  hostId: string,
  options: { fateOf?: () => CallFate } = {},
) {
  let pausedUntil = 0
  const owned = new Map<number, OwnedLease>()
  const running = new Set<number>()
  const log: string[] = []
  const time = pausable(clock, () => pausedUntil)
  const sleep = (ms: number) => (ms > 0 ? pause(time, ms) : Promise.resolve())
  const keeper: LeaseKeeper = leaseKeeper(
    {
      store: troubledLeases(table, sleep, options.fateOf ?? (() => smooth)),
      time,
      log: createLog('test', { write: (line) => log.push(line) }),
      hostId,
      shards,
      renewMs,
      staleMs,
    },
    {
      acquired: (shard, lease) => {
        if (owned.get(shard)?.isOwner()) throw new Error('Acquired twice')
        owned.set(shard, lease)
      },
      lost: async (shard) => {
        owned.delete(shard)
      },
      move: async (shard) => {
        if (running.has(shard)) return false
        owned.delete(shard)
        return true
      },
    },
  )
  return {
    hostId,
    keeper,
    owned,
    running,
    log,
    pause: (ms: number) => {
      pausedUntil = clock.monotonic() + ms
    },
    isPaused: () => clock.monotonic() < pausedUntil,
    /** Shards whose sockets may be open: not handed over, not lost, and the ownership has not run out. */
    fenced: () => [...owned].filter(([, lease]) => lease.isOwner()).map(([shard]) => shard),
  }
}
