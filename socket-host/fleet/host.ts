/** A socket host: claims shards, serves them, and hands them over when it stops. */
import type { GenerationRef, LeaseStore } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { countReadings } from '../company/readings.ts'
import { type Cancel, pause } from '../time.ts'
import { keepHeartbeat } from './heartbeat.ts'
import { leaseKeeper } from './lease-keeper.ts'
import type { LeaseKeeper } from './lease-keeper-port.ts'
import { ownedShards } from './owned-shards.ts'
import type { ShardDeps } from './shard.ts'

export type HostDeps = Omit<ShardDeps, 'readings' | 'adoptions'> & {
  readonly leases: LeaseStore
  /** Called each time that stored credentials are unreadable; counts them for the alarm (R47). */
  readonly onUnreadable: (ref: GenerationRef) => void
  readonly host: {
    readonly hostId: string
    readonly version: string
    readonly shards: number
    readonly renewMs: number
    readonly staleMs: number
    /** Longest time that a drain waits for running attempts. */
    readonly drainMs: number
  }
}

export type SocketHost = {
  start(): void
  /**
   * Hands over every shard, releases its lease, and stops the host. It waits for running attempts for `drainMs` at
   * most; `hurry` ends that wait. A second call returns at once.
   */
  drain(hurry?: AbortSignal): Promise<void>
  /** Number of sessions by status. */
  states(): Readonly<Record<string, number>>
  status(): HostStatus
}

export type HostStatus = {
  readonly shards: readonly number[]
  /** Number of open sessions. */
  readonly sessions: number
  /** Monotonic ms of the last contact with the store. */
  readonly lastContactAt: number
  /** False when the host could read none of the first credentials that it tried (R47). */
  readonly canRead: boolean
}

export function socketHost(deps: HostDeps): SocketHost {
  const { time, log, leases } = deps
  const { hostId, version, shards, renewMs, staleMs, drainMs } = deps.host
  const since = time.now()
  const readings = countReadings({ onBlind: () => void giveUp(), onUnreadable: deps.onUnreadable })
  const owned = ownedShards({ ...deps, readings })
  const keeper = leaseKeeper({ store: leases, time, log, hostId, shards, renewMs, staleMs }, owned.listener)
  let stopHeartbeat: Cancel = () => undefined
  let isDraining = false
  let canRead = true

  const describe = () => ({
    ...{ hostId, sessions: owned.sessions(), shards: keeper.owned() },
    ...{ since, version, states: owned.states() },
  })

  /** Hands over every shard. It waits for running attempts until `hurry` aborts, or for `drainMs`. */
  async function leaveShards(hurry?: AbortSignal): Promise<void> {
    const overdue = new AbortController()
    const handOverAt = time.now() + drainMs
    const cancel = time.after(drainMs, () => overdue.abort())
    const patience = hurry ? AbortSignal.any([hurry, overdue.signal]) : overdue.signal
    owned.planHandOver(handOverAt)
    // The sockets stay open until the successors poll the leases often: each session is then down only for a moment.
    const waitMs = await keeper.announceDrain()
    if (waitMs > 0) await pause(time, waitMs, patience)
    const leave = async (shard: number) => {
      const release = keeper.releaser(shard)
      await owned.handOver(shard, patience)
      await release()
    }
    await Promise.all(owned.numbers().map((shard) => leave(shard).catch(failedToLeave(log, shard))))
    cancel()
  }

  /** Releases the shards of a host that can read no credentials, and claims none: another one may be able to (R47). */
  async function giveUp(): Promise<void> {
    canRead = false
    log.error('This host can read no credentials, it releases its shards and waits to be replaced')
    await leaveShards(AbortSignal.abort())
    // A lease that could not be released goes stale.
    await keeper.stop()
  }

  return {
    start: () => {
      keeper.start()
      stopHeartbeat = keepHeartbeat(deps, describe)
    },
    states: owned.states,
    status: () => statusOf(keeper, owned.sessions(), canRead),
    drain: async (hurry) => {
      if (isDraining) return
      isDraining = true
      await leaveShards(hurry)
      stopHeartbeat()
      await keeper.stop()
    },
  }
}

const failedToLeave = (log: Log, shard: number) => (error: unknown) =>
  log.warn('Could not hand over and release the shard, its lease will go stale', { shard, error })

const statusOf = (keeper: LeaseKeeper, sessions: number, canRead: boolean): HostStatus => ({
  ...{ shards: keeper.owned(), sessions },
  ...{ lastContactAt: keeper.lastContactAt(), canRead },
})
