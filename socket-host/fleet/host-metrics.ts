/** Metrics that no decision about a company shows: take-overs, failed sweeps, and the load of the host. */
import type { CredentialStore, LeaseStore } from '#shared/ports.ts'
import type { Meter } from '#shared/telemetry/metrics.ts'
import { repeated, type Time } from '../time.ts'
import type { SocketHost } from './host.ts'

/**
 * Counts take-overs: claims of a lease that still named another host. A host that hands over releases its lease first.
 */
export const measuredClaims = (leases: LeaseStore, meter: Meter): LeaseStore => ({
  ...leases,
  async claim(seen, ownerId, epoch, now) {
    const lease = await leases.claim(seen, ownerId, epoch, now)
    const isTaken = lease !== undefined && seen.ownerId !== undefined && seen.ownerId !== ownerId
    if (isTaken) meter.measure('leaseTakeovers', 1, { shard: seen.shard, from: seen.ownerId, hostId: ownerId })
    return lease
  },
})

/** Counts sweeps that fail. */
export const measuredSweeps = (credentials: CredentialStore, meter: Meter): CredentialStore => ({
  ...credentials,
  async sweep(ref) {
    try {
      return await credentials.sweep(ref)
    } catch (error) {
      meter.measure('cleanupFailed', 1, ref)
      throw error
    }
  },
})

export type MeasuringDeps = {
  readonly meter: Meter
  readonly time: Time
  /** Number of sessions per host at which auto scaling aims. */
  readonly target: number
  /** Milliseconds after which a host without contact to the store has lost its leases. */
  readonly staleMs: number
}

/** Number of sessions that a host keeps open, or would if it could: all but those that WhatsApp has logged out. */
export const heldOf = (states: Readonly<Record<string, number>>): number =>
  Object.entries(states).reduce((sum, [status, count]) => (status === 'logged-out' ? sum : sum + count), 0)

/** Sessions of a host at a gauge; `last` is the load that it published before. */
type Holding = {
  readonly held: number
  readonly open: number
  readonly isCutOff: boolean
  readonly last: number
}

/**
 * Load that a host publishes for auto scaling: the sessions that it holds, and at least the target while more than a
 * tenth of them are down or the host is cut off from its leases. An outage must not shrink the fleet, which has to bring
 * all of these sessions up again (R49).
 */
export function loadOf({ held, open, isCutOff, last }: Holding, target: number): number {
  if (isCutOff) return Math.max(last, target)
  return open < held * 0.9 ? Math.max(held, target) : held
}

const flushMs = 5_000
const gaugeMs = 60_000

/**
 * Writes the counters every few seconds and the host's load every minute. The returned function stops, and writes the
 * rest.
 */
export function keepMeasuring(
  { meter, time, target, staleMs }: MeasuringDeps,
  host: Pick<SocketHost, 'status' | 'states'>,
  hostId: string,
): () => Promise<void> {
  let last = 0
  /** Gauges for which a host counts as cut off after it has contact again: it must claim its shards anew. */
  let gaugesToClaim = 0
  const flush = repeated(time, flushMs, () => void meter.flush())
  const gauge = repeated(time, gaugeMs, () => {
    const states = host.states()
    const { sessions: open, lastContactAt, canRead } = host.status()
    // The average of the fleet would count a host that can serve no sessions.
    if (!canRead) return
    gaugesToClaim = time.monotonic() - lastContactAt > staleMs ? 2 : Math.max(0, gaugesToClaim - 1)
    const isCutOff = gaugesToClaim > 0
    last = loadOf({ held: heldOf(states), open, isCutOff, last }, target)
    meter.measure('sessions', last, { hostId, open, states })
  })
  return async () => {
    flush()
    gauge()
    await meter.flush()
  }
}
