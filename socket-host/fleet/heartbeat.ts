/** A host's line for operators: what it holds, written soon after that has changed. */
import type { LeaseStore } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { type Cancel, repeated, type Time } from '../time.ts'

export type Beat = Parameters<LeaseStore['beat']>[0]

/** A line that says nothing new is written so often: it says that the host is there. */
const beatMs = 10_000
/** Changes that come together, as when a host adopts its shards, cost one write. */
const leastGapMs = 1_000
/** Comparing lines costs next to nothing. */
const lookMs = 250

/** Writes a line now and then until it is cancelled. One that cannot be written costs nothing but the line. */
export function keepBeating(
  { leases, time, log }: { readonly leases: Pick<LeaseStore, 'beat'>; readonly time: Time; readonly log: Log },
  describe: () => Beat,
): Cancel {
  let said = ''
  let saidAt = Number.NEGATIVE_INFINITY
  // A store that is slow must not get an old line after a new one.
  let isWriting = false

  async function write(line: Beat): Promise<void> {
    isWriting = true
    try {
      await leases.beat(line)
    } catch (error) {
      log.warn('beat could not be written', { error })
    } finally {
      isWriting = false
    }
  }

  function look(): void {
    const agoMs = time.monotonic() - saidAt
    if (isWriting || agoMs < leastGapMs) return
    const line = describe()
    const text = JSON.stringify(line)
    if (text === said && agoMs < beatMs) return
    // Whether or not it arrives: while the store is away, trying each second would only fill the log.
    said = text
    saidAt = time.monotonic()
    void write(line)
  }

  look()
  return repeated(time, lookMs, look)
}
