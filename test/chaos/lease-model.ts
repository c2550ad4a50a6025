/**
 * A model of failing hosts on a fake clock: real lease keepers on a lease table in memory, each with a socket per shard that
 * takes time to close, and with delayed writes. It checks the promises of docs/leases.md. Each part that keeps a promise can
 * be replaced by one that does not.
 */
import type { LeaseStore } from '#shared/ports.ts'
import { createLog } from '#shared/telemetry/log.ts'
import type { OwnedLease } from '../../socket-host/company/deps.ts'
import { leaseKeeper } from '../../socket-host/fleet/lease-keeper.ts'
import { pause, type Time } from '../../socket-host/time.ts'
import { type FakeClock, fakeClock } from '../fakes/fake-clock.ts'
import { memoryLeaseStore } from '../fakes/memory-lease-store.ts'
import { type CallFate, troubledLeases } from '../socket-host/support/troubled-leases.ts'

export const lease = { staleMs: 10_000, renewMs: 3000, shards: 4 } as const
const hostNames = ['a', 'b', 'c'] as const
const stepMs = 500
const playMs = 60_000
/** Time limit for a socket to close, and so for a resumed host to close the sockets of lost shards. */
const closeMs = 1500

export type Trouble = {
  readonly at: number
  readonly host: number
  readonly kind: 'pause' | 'storm' | 'kill' | 'stop' | 'clock'
  readonly ms: number
}

/** The parts that keep the promises. A test replaces one to prove that the model detects it. */
export type Parts = {
  /** True when a row of epoch `stored` accepts a write of `epoch`. */
  readonly takesWrite: (stored: number, epoch: number) => boolean
  /** Resolves when the lease may be released. */
  readonly beforeRelease: (closed: Promise<void>) => Promise<void>
  /** Returns the lease table as a host sees it. */
  readonly view: (store: LeaseStore, wallClock: () => number) => LeaseStore
}

export const soundParts: Parts = {
  takesWrite: (stored, epoch) => stored <= epoch,
  beforeRelease: (closed) => closed,
  view: (store) => store,
}

/** Runs the schedule; returns a sentence for each broken promise. */
export async function broken(
  troubles: readonly Trouble[],
  weathers: readonly CallFate[],
  parts: Parts,
): Promise<readonly string[]> {
  const world = makeWorld(weathers, parts)
  for (const host of world.hosts) host.start()
  for (let elapsed = 0; elapsed < playMs; elapsed += stepMs) {
    for (const trouble of troubles) if (trouble.at >= elapsed && trouble.at < elapsed + stepMs) world.befall(trouble)
    await world.clock.advance(stepMs)
    world.checkSockets()
  }
  await world.clock.advance(30_000 + lease.staleMs + 6 * lease.renewMs)
  world.checkOwners()
  for (const host of world.hosts) host.end()
  await world.clock.advance(lease.renewMs)
  return world.faults
}

type Row = { epoch: number }

function makeWorld(weathers: readonly CallFate[], parts: Parts) {
  const clock = fakeClock()
  const table = memoryLeaseStore()
  const rows: Row[] = Array.from({ length: lease.shards }, () => ({ epoch: 0 }))
  const faults: string[] = []
  let calls = 0
  const nextWeather = (): CallFate =>
    weathers[calls++ % weathers.length] ?? { delayMs: 5, answerDelayMs: 5, fate: 'ok' }

  const write = (shard: number, epoch: number): void => {
    const row = rows[shard]
    if (!row || !parts.takesWrite(row.epoch, epoch)) return
    if (epoch < row.epoch) faults.push(`shard ${shard}: a write of epoch ${epoch} over one of ${row.epoch}`)
    row.epoch = epoch
  }
  const hosts = hostNames.map((hostId) => makeHost({ hostId, clock, table, nextWeather, write, parts }))
  const alive = () => hosts.filter((host) => !host.isGone())

  return {
    clock,
    hosts,
    faults,
    befall({ host, kind, ms }: Trouble): void {
      const hit = hosts[host]
      if (!hit || hit.isGone()) return
      if (kind === 'pause') hit.pause(ms)
      if (kind === 'storm') hit.storm(ms)
      // Wall clocks are corrected by any amount, forwards and back.
      if (kind === 'clock') hit.correctClock(ms - 15_000)
      if (alive().length === 1) return
      if (kind === 'kill') hit.kill()
      if (kind === 'stop') void hit.stop()
    },
    checkSockets(): void {
      const open = hosts.filter((host) => !host.wasPaused()).flatMap((host) => [...host.sockets])
      if (new Set(open).size < open.length) faults.push(`two sockets of one shard: ${open.sort().join()}`)
    },
    checkOwners(): void {
      const owned = alive().flatMap((host) => host.owned())
      if (owned.sort().join() !== '0,1,2,3') faults.push(`owned in the end: ${owned.join()}`)
    },
  }
}

type HostDeps = {
  readonly hostId: string
  readonly clock: FakeClock
  readonly table: ReturnType<typeof memoryLeaseStore>
  readonly nextWeather: () => CallFate
  readonly write: (shard: number, epoch: number) => void
  readonly parts: Parts
}

function makeHost({ hostId, clock, table, nextWeather, write, parts }: HostDeps) {
  let stormUntil = 0
  let state: 'running' | 'stopping' | 'gone' = 'running'
  const clocks = processClocks(clock, () => state === 'gone')
  const { time } = clocks
  const sleep = (ms: number) => (ms > 0 ? pause(time, ms) : Promise.resolve())
  const fateOf = (): CallFate =>
    clock.monotonic() < stormUntil ? nextWeather() : { delayMs: 5, answerDelayMs: 5, fate: 'ok' }
  const shards = modelShards(sleep, write)
  const keeper = leaseKeeper(
    {
      ...lease,
      store: parts.view(troubledLeases(table, sleep, fateOf), time.now),
      time,
      hostId,
      log: createLog('model', { write: () => undefined }),
    },
    {
      acquired: shards.open,
      lost: shards.close,
      move: (shard) => parts.beforeRelease(shards.close(shard)).then(() => true),
    },
  )

  return {
    sockets: shards.sockets,
    start: keeper.start,
    owned: shards.owned,
    isGone: () => state !== 'running',
    /** True while the host is paused, or has just resumed and is still closing the sockets of lost shards. */
    wasPaused: () => clock.monotonic() < clocks.pausedUntil() + closeMs + stepMs,
    pause: clocks.pause,
    storm: (ms: number) => {
      stormUntil = clock.monotonic() + ms
    },
    correctClock: clocks.correct,
    kill: () => {
      state = 'gone'
      shards.sockets.clear()
      void keeper.stop()
    },
    stop: async () => {
      state = 'stopping'
      await keeper.announceDrain()
      await Promise.all(
        shards.all().map(async (shard) => {
          await parts.beforeRelease(shards.close(shard))
          // After a failed release the lease becomes stale.
          await keeper
            .releaser(shard)()
            .catch(() => undefined)
        }),
      )
      void keeper.stop()
    },
    end: () => {
      void keeper.stop()
    },
  }
}

/** Clocks and timers of a process that can be paused: it fires its timers late, but its clocks continue. */
function processClocks(clock: FakeClock, isGone: () => boolean) {
  let pausedUntil = 0
  let offset = 0
  const after: Time['after'] = (ms, action) => {
    let isCancelled = false
    let cancel = clock.after(ms, function fire() {
      if (isCancelled || isGone()) return
      if (clock.monotonic() < pausedUntil) cancel = clock.after(pausedUntil - clock.monotonic(), fire)
      else action()
    })
    return () => {
      isCancelled = true
      cancel()
    }
  }
  const time: Time = { now: () => clock.now() + offset, monotonic: clock.monotonic, after }
  return {
    time,
    pausedUntil: () => pausedUntil,
    pause: (ms: number) => {
      pausedUntil = clock.monotonic() + ms
    },
    /** Corrects the wall clock. */
    correct: (ms: number) => {
      offset += ms
    },
  }
}

/** Shards of a host: each has a socket, which takes time to close, and writes for as long as the host owns it. */
function modelShards(sleep: (ms: number) => Promise<void>, write: HostDeps['write']) {
  const sockets = new Set<number>()
  const leases = new Map<number, OwnedLease>()

  /**
   * Writes repeatedly while the host owns the shard. Each write is decided first and arrives later; a pause may come in
   * between.
   */
  async function writeOften(shard: number, lease: OwnedLease): Promise<void> {
    while (lease.isOwner() && leases.get(shard) === lease) {
      await sleep(500)
      write(shard, lease.epoch)
      await sleep(250)
    }
  }

  return {
    sockets,
    all: () => [...leases.keys()],
    owned: () => [...leases].filter(([, lease]) => lease.isOwner()).map(([shard]) => shard),
    open(shard: number, lease: OwnedLease): void {
      leases.set(shard, lease)
      sockets.add(shard)
      write(shard, lease.epoch)
      void writeOften(shard, lease)
    },
    async close(shard: number): Promise<void> {
      leases.delete(shard)
      await sleep(closeMs - 100)
      sockets.delete(shard)
    },
  }
}
