/** Heartbeat of a host: an item that shows operators its shards and sessions, written soon after they change. */
import type { LeaseStore } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { type Cancel, repeated, type Time } from '../time.ts'

export type Heartbeat = Parameters<LeaseStore['writeHeartbeat']>[0]

/** Interval of an unchanged heartbeat, which shows that the host is alive. */
const heartbeatMs = 10_000
/** Shortest time between two writes, so that changes that come together, as when a host adopts its shards, cost one. */
const minGapMs = 1_000
/** Interval at which the heartbeat is compared with the last one that was tried. */
const checkMs = 250

/** Writes heartbeats until it is cancelled. A heartbeat that cannot be written is logged and not repeated. */
export function keepHeartbeat(
  {
    leases,
    time,
    log,
  }: { readonly leases: Pick<LeaseStore, 'writeHeartbeat'>; readonly time: Time; readonly log: Log },
  describe: () => Heartbeat,
): Cancel {
  let attempted = ''
  let attemptedAt = Number.NEGATIVE_INFINITY
  // One write at a time: on a slow store an older heartbeat could otherwise overwrite a newer one.
  let isWriting = false

  async function write(heartbeat: Heartbeat): Promise<void> {
    isWriting = true
    try {
      await leases.writeHeartbeat(heartbeat)
    } catch (error) {
      log.warn('Could not write the heartbeat', { error })
    } finally {
      isWriting = false
    }
  }

  function writeIfDue(): void {
    const agoMs = time.monotonic() - attemptedAt
    if (isWriting || agoMs < minGapMs) return
    const heartbeat = describe()
    const text = JSON.stringify(heartbeat)
    if (text === attempted && agoMs < heartbeatMs) return
    // Set before the outcome is known: while the store is away, a retry each second would only fill the log.
    attempted = text
    attemptedAt = time.monotonic()
    void write(heartbeat)
  }

  writeIfDue()
  return repeated(time, checkMs, writeIfDue)
}
