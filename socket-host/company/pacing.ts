/**
 * Decides when a socket may open (R28, R44): pairings go ahead of restarts, and restarts ahead of background
 * reconnects.
 */
import { hostDefaults } from '#shared/config/settings.ts'
import type { Cancel, Time } from '../time.ts'

/** Reasons to open a socket, the most urgent first. */
export type Urgency = 'pairing' | 'restart' | 'reconnect'

export type PacingLimits = {
  /** Limit of concurrent openings, counted together with all more urgent ones. */
  readonly concurrent: Readonly<Record<Urgency, number>>
  /** Milliseconds after which an opening loses its place, so that one that hangs does not block the others (R41). */
  readonly holdMs: number
  /** Limit of background reconnects that begin in a second. */
  readonly reconnectsPerSecond: number
  /** Attempts that are admitted at once. Beyond them `attemptsPerSecond` are admitted; the rest get a time to retry. */
  readonly attemptBurst: number
  readonly attemptsPerSecond: number
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
  admitAttempt(withinMs: number): 'admitted' | { readonly retryAfter: number }
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
const urgencies: readonly Urgency[] = ['pairing', 'restart', 'reconnect']
/** Duration of a pairing that is assumed whenever the host is idle. */
const firstPairingMs = 500
/** Weight of the last pairing in the moving average. */
const lastWeight = 0.2

export function pacing(time: Time, limits: PacingLimits = defaultLimits): Pacing {
  const waiting: Entry[] = []
  const running = new Set<Entry>()
  const admit = attemptBucket(time, limits)
  let pairingMs = firstPairingMs
  let nextReconnectAt = 0
  let wakeUp: Cancel | undefined

  /** True when another opening of this urgency may begin. Less urgent openings do not count. */
  const hasRoom = (urgency: Urgency): boolean => {
    const rank = urgencies.indexOf(urgency)
    const ahead = [...running].filter((entry) => urgencies.indexOf(entry.urgency) <= rank).length
    return ahead < limits.concurrent[urgency]
  }

  /** Returns the next entry to begin, or the ms until it may; undefined when none can before another has left. */
  const next = (): Entry | number | undefined => {
    const entry = urgencies.flatMap((urgency) => waiting.find((each) => each.urgency === urgency) ?? [])[0]
    if (!entry || !hasRoom(entry.urgency)) return undefined
    const delay = entry.urgency === 'reconnect' ? nextReconnectAt - time.monotonic() : 0
    return delay > 0 ? delay : entry
  }

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
      pairingMs += (time.monotonic() - entry.beganAt - pairingMs) * lastWeight
    }
    if (running.delete(entry)) proceed()
  }

  /** Estimates the ms until a pairing that queues now has its code, by the average of the last ones. */
  const expectedMs = (): number => {
    const ahead = waiting.filter(({ urgency }) => urgency === 'pairing').length
    // An average measured under load does not hold for an idle host.
    if (waiting.length === 0 && running.size === 0) pairingMs = firstPairingMs
    return pairingMs * (1 + Math.ceil(ahead / limits.concurrent.pairing))
  }

  return {
    admitAttempt: (withinMs) => admit(expectedMs(), withinMs),
    enter(urgency, begin) {
      const entry: Entry = { urgency, begin, beganAt: 0, isMeasured: false, stopHold: () => undefined }
      waiting.push(entry)
      proceed()
      return (outcome) => leave(entry, outcome)
    },
  }
}

/**
 * A token bucket on the monotonic clock. Each rejected attempt gets a retry time of its own: if all got the same one,
 * they would come back together, and all but one would be rejected again.
 */
function attemptBucket(time: Time, { attemptBurst, attemptsPerSecond }: PacingLimits) {
  const eachMs = 1000 / attemptsPerSecond
  let tokens = attemptBurst
  let filledAt = time.monotonic()
  let nextReturnAt = 0
  return (expectedMs: number, withinMs: number): ReturnType<Pacing['admitAttempt']> => {
    const elapsed = time.monotonic() - filledAt
    filledAt += elapsed
    tokens = Math.min(attemptBurst, tokens + elapsed / eachMs)
    // The bucket is full, so the clients that got these times have not come back: the times are free again.
    if (tokens === attemptBurst) nextReturnAt = 0
    if (tokens >= 1 && expectedMs <= withinMs) {
      tokens -= 1
      return 'admitted'
    }
    const returnAt = Math.max(nextReturnAt, filledAt + (tokens < 1 ? (1 - tokens) * eachMs : expectedMs))
    nextReturnAt = returnAt + eachMs
    return { retryAfter: Math.ceil((returnAt - filledAt) / 1000) }
  }
}
