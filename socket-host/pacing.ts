/** Who may open a socket when (R28, R44): codes go ahead of links that restart, and both of background reconnects. */
import type { Cancel, Time } from './time.ts'

/** In order of urgency. */
export type Urgency = 'pairing' | 'restart' | 'reconnect'

export type PacingLimits = {
  /** Openings of an urgency or a higher one that may be under way at once. */
  readonly concurrent: Readonly<Record<Urgency, number>>
  /** Background reconnects that may begin in a second. */
  readonly reconnectsPerSecond: number
  /** Attempts admitted at once; beyond them `attemptsPerSecond` are, and others are told to come back. */
  readonly attemptBurst: number
  readonly attemptsPerSecond: number
}

/** A new link costs about half a second of one core (812 pre-keys), a login a tenth of that. */
export const defaultLimits: PacingLimits = {
  concurrent: { pairing: 8, restart: 3, reconnect: 3 },
  reconnectsPerSecond: 5,
  attemptBurst: 64,
  attemptsPerSecond: 2,
}

export type Pacing = {
  /** Counts an attempt in; seconds to come back in when the host has its hands full (`BUSY`). */
  admitAttempt(): 'admitted' | { readonly retryAfter: number }
  /** Runs `begin` when it is this opening's turn; the result leaves the queue, or gives the place back. */
  enter(urgency: Urgency, begin: () => void): Cancel
}

type Entry = { readonly urgency: Urgency; readonly begin: () => void }
const urgencies: readonly Urgency[] = ['pairing', 'restart', 'reconnect']

export function pacing(time: Time, limits: PacingLimits = defaultLimits): Pacing {
  const waiting: Entry[] = []
  const running = new Set<Entry>()
  const admitAttempt = attemptBucket(time, limits)
  let nextReconnectAt = 0
  let wakeUp: Cancel | undefined

  /** Less urgent openings never count against more urgent ones. */
  const hasRoom = (urgency: Urgency): boolean => {
    const rank = urgencies.indexOf(urgency)
    const ahead = [...running].filter((entry) => urgencies.indexOf(entry.urgency) <= rank).length
    return ahead < limits.concurrent[urgency]
  }

  const next = (): Entry | undefined => {
    const urgency = urgencies.find((each) => waiting.some((entry) => entry.urgency === each))
    if (!urgency || !hasRoom(urgency)) return undefined
    if (urgency === 'reconnect' && time.monotonic() < nextReconnectAt) return undefined
    return waiting.find((entry) => entry.urgency === urgency)
  }

  const proceed = (): void => {
    for (let entry = next(); entry; entry = next()) {
      waiting.splice(waiting.indexOf(entry), 1)
      running.add(entry)
      if (entry.urgency === 'reconnect') nextReconnectAt = time.monotonic() + 1000 / limits.reconnectsPerSecond
      entry.begin()
    }
    wakeUp?.()
    const delay = nextReconnectAt - time.monotonic()
    wakeUp = waiting.length > 0 && delay > 0 ? time.after(delay, proceed) : undefined
  }

  return {
    admitAttempt,
    enter(urgency, begin) {
      const entry: Entry = { urgency, begin }
      waiting.push(entry)
      proceed()
      return () => {
        const index = waiting.indexOf(entry)
        if (index >= 0) waiting.splice(index, 1)
        if (running.delete(entry)) proceed()
      }
    },
  }
}

/** A token bucket on the monotonic clock. */
function attemptBucket(time: Time, limits: PacingLimits): Pacing['admitAttempt'] {
  let tokens = limits.attemptBurst
  let filledAt = time.monotonic()
  return () => {
    const elapsed = time.monotonic() - filledAt
    filledAt += elapsed
    tokens = Math.min(limits.attemptBurst, tokens + (elapsed / 1000) * limits.attemptsPerSecond)
    if (tokens < 1) return { retryAfter: Math.ceil((1 - tokens) / limits.attemptsPerSecond) }
    tokens -= 1
    return 'admitted'
  }
}
