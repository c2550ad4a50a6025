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

const flushMs = 5_000
const gaugeMs = 60_000

/**
 * Writes the counters every few seconds and the host's load every minute. The returned function stops, and writes the
 * rest.
 */
export function keepMeasuring(
  { meter, time }: { readonly meter: Meter; readonly time: Time },
  host: Pick<SocketHost, 'status' | 'states'>,
  hostId: string,
): () => Promise<void> {
  const flush = repeated(time, flushMs, () => void meter.flush())
  const gauge = repeated(time, gaugeMs, () =>
    meter.measure('sessions', host.status().sessions, { hostId, states: host.states() }),
  )
  return async () => {
    flush()
    gauge()
    await meter.flush()
  }
}
