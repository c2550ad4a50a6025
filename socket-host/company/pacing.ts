/**
 * Decides when a socket may open (R28, R44): pairings go ahead of restarts, and restarts ahead of background
 * reconnects.
 */
import { hostDefaults } from '#shared/config/settings.ts'
import type { Cancel, Time } from '../time.ts'
import { type Admission, attemptBucket, type BucketLimits } from './attempt-bucket.ts'
import { nextTurn, type Urgency } from './opening-turn.ts'
import { averageWith, expectedMs, firstPairingMs } from './pairing-estimate.ts'

export type PacingLimits = BucketLimits & {
  /** Limit of concurrent openings, counted together with all more urgent ones. */
  readonly concurrent: Readonly<Record<Urgency, number>>
  /** Milliseconds after which an opening loses its place, so that one that hangs does not block the others (R41). */
  readonly holdMs: number
  /** Limit of background reconnects that begin in a second. */
  readonly reconnectsPerSecond: number
}

/** A new link costs about half a second of one core (812 pre-keys), a login a tenth of that. */
export const defaultLimits: PacingLimits = {
  concurrent: { pairing: 8, restart: 3, reconnect: 3 },
  holdMs: 5000,
  reconnectsPerSecond: hostDefaults.reconnectsPerSecond,
  attemptBurst: 64,
  attemptsPerSecond: hostDefaults.attemptsPerSecond,
}

export type Pacing = {
  /**
   * Admits an attempt whose code is due within `withinMs`, or returns the seconds after which to retry because the host
   * is busy (`BUSY`).
   */
  admitAttempt(withinMs: number): Admission
  /** Queues an opening and calls `begin` when its turn comes, possibly at once. */
  enter(urgency: Urgency, begin: () => void): Leave
}

/**
 * Leaves the queue, or gives the place back if the opening has begun; after `holdMs` the place is given back anyway.
 * `served` means that the opening has reached its goal, so that its duration tells how long others will take.
 */
export type Leave = (outcome?: 'served') => void

type Entry = {
  readonly urgency: Urgency
  readonly begin: () => void
  beganAt: number
  isMeasured: boolean
  stopHold: Cancel
}

export function pacing(time: Time, limits: PacingLimits = defaultLimits): Pacing {
  const waiting: Entry[] = []
  const running = new Set<Entry>()
  const admit = attemptBucket(time, limits)
  let pairingMs = firstPairingMs
  let nextReconnectAt = 0
  let wakeUp: Cancel | undefined

  const next = (): Entry | number | undefined =>
    nextTurn({ waiting, running }, limits.concurrent, nextReconnectAt - time.monotonic())

  const start = (entry: Entry): void => {
    waiting.splice(waiting.indexOf(entry), 1)
    running.add(entry)
    entry.beganAt = time.monotonic()
    if (entry.urgency === 'reconnect') nextReconnectAt = entry.beganAt + 1000 / limits.reconnectsPerSecond
    entry.stopHold = time.after(limits.holdMs, () => leave(entry))
    entry.begin()
  }

  const proceed = (): void => {
    let turn = next()
    for (; typeof turn === 'object'; turn = next()) start(turn)
    wakeUp?.()
    // Reuse the delay just computed: reading the clock again could give 0 or less, and no timer would be set.
    wakeUp = turn === undefined ? undefined : time.after(turn, proceed)
  }

  const leave = (entry: Entry, outcome?: 'served'): void => {
    const index = waiting.indexOf(entry)
    if (index >= 0) waiting.splice(index, 1)
    entry.stopHold()
    if (entry.urgency === 'pairing' && outcome === 'served' && !entry.isMeasured) {
      entry.isMeasured = true
      pairingMs = averageWith(pairingMs, time.monotonic() - entry.beganAt)
    }
    if (running.delete(entry)) proceed()
  }

  const admitAttempt = (withinMs: number) => {
    // An average measured under load does not hold for an idle host.
    if (waiting.length === 0 && running.size === 0) pairingMs = firstPairingMs
    const ahead = waiting.filter(({ urgency }) => urgency === 'pairing').length
    return admit(expectedMs(pairingMs, ahead, limits.concurrent.pairing), withinMs)
  }

  return {
    admitAttempt,
    enter(urgency, begin) {
      const entry: Entry = { urgency, begin, beganAt: 0, isMeasured: false, stopHold: () => undefined }
      waiting.push(entry)
      proceed()
      return (outcome) => leave(entry, outcome)
    },
  }
}
