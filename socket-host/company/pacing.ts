/** Who may open a socket when (R28, R44): codes go ahead of links that restart, and both of background reconnects. */
import { hostDefaults } from '#shared/config/settings.ts'
import type { Cancel, Time } from '../time.ts'

/** In order of urgency. */
export type Urgency = 'pairing' | 'restart' | 'reconnect'

export type PacingLimits = {
  /** Openings of an urgency or a higher one that may be under way at once. */
  readonly concurrent: Readonly<Record<Urgency, number>>
  /** Milliseconds after which an opening gives its place back: one that hangs must not hold others up (R41). */
  readonly holdMs: number
  /** Background reconnects that may begin in a second. */
  readonly reconnectsPerSecond: number
  /** Attempts admitted at once; beyond them `attemptsPerSecond` are, and others are told to come back. */
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
   * Counts an attempt in that must have its code within so many ms; seconds to come back in when the host has its hands
   * full (`BUSY`).
   */
  admitAttempt(withinMs: number): 'admitted' | { readonly retryAfter: number }
  /** Runs `begin` when it is this opening's turn. */
  enter(urgency: Urgency, begin: () => void): Leave
}

/**
 * Leaves the queue, or gives the place back, which happens by itself after a while. `served`: it has come to what it was
 * opened for, so that its time tells how long others will take.
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
/** How long a pairing holds its place on a host that has nothing else to do; what is measured takes over from there. */
const firstPairingMs = 500
/** Weight of the last pairing in that measure. */
const lastWeight = 0.2

export function pacing(time: Time, limits: PacingLimits = defaultLimits): Pacing {
  const waiting: Entry[] = []
  const running = new Set<Entry>()
  const admit = attemptBucket(time, limits)
  let pairingMs = firstPairingMs
  let nextReconnectAt = 0
  let wakeUp: Cancel | undefined

  /** Less urgent openings never count against more urgent ones. */
  const hasRoom = (urgency: Urgency): boolean => {
    const rank = urgencies.indexOf(urgency)
    const ahead = [...running].filter((entry) => urgencies.indexOf(entry.urgency) <= rank).length
    return ahead < limits.concurrent[urgency]
  }

  /** The next to begin, or the ms until it may; undefined when nothing can before somebody has left. */
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
    // The very delay for which it was put off: a clock that is read again may say that it is over, and nobody would wake.
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

  /** Until a pairing that queues now would have its code, at the pace of the last ones. */
  const expectedMs = (): number => {
    const ahead = waiting.filter(({ urgency }) => urgency === 'pairing').length
    // What was measured under load says nothing of a host that has nothing to do.
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
 * A token bucket on the monotonic clock. Whoever is turned away is given a time of their own: were all told the same, they
 * would all come back together, and all but one would be turned away again.
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
    // Nobody has come back as told: their times are free.
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
