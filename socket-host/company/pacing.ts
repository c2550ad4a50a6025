/**
 * Decides when a socket may open, and whether an attempt is admitted (R28, R44, R66). Pairings go ahead of restarts, and
 * restarts ahead of background reconnects, but each of them always has its share of the places.
 */
import type { Cancel, Time } from '../time.ts'
import { type Admission, admissions } from './admissions.ts'
import { adaptedPlaces, firstPlaces, type Places, type Urgency } from './opening-places.ts'
import { countOf, nextTurn, type Openings, placesTaken } from './opening-turn.ts'

/** Milliseconds after which an opening loses its place, so that one that hangs does not block the others (R41). */
const holdMs = 5_000
/** Milliseconds for which it counts as running nevertheless: the host is that slow. None takes longer without a fault. */
const overdueMs = 60_000
/** Interval at which the load is measured while sockets open. */
const sampleMs = 500

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

export type PacingDeps = {
  readonly time: Pick<Time, 'monotonic' | 'after'>
  /** Returns the share of the time since its last call (0 to 1) in which the event loop was busy. */
  readonly load: () => number
}

type Entry = {
  readonly urgency: Urgency
  readonly begin: () => void
  readonly enteredAt: number
  beganAt: number
  isMeasured: boolean
  stopHold: Cancel
}

const newEntry = (urgency: Urgency, begin: () => void, enteredAt: number): Entry => ({
  ...{ urgency, begin, enteredAt, beganAt: 0, isMeasured: false },
  stopHold: () => undefined,
})

/** On a loop with time to spare it is WhatsApp that was slow, and for longer than `holdMs` it has taken no place. */
const measuredMs = (tookMs: number, { isBusy }: Places): number => (isBusy ? tookMs : Math.min(tookMs, holdMs))

function remove(entries: Entry[], entry: Entry): void {
  const index = entries.indexOf(entry)
  if (index >= 0) entries.splice(index, 1)
}

export function pacing({ time, load }: PacingDeps): Pacing {
  const waiting: Entry[] = []
  const running = new Set<Entry>()
  /** Openings that have lost their places and still run: the host is as slow as they are. */
  const overdue = new Set<Entry>()
  const admission = admissions(time.monotonic)
  const openings = { waiting, running, overdue }
  const places = sampledPlaces({ time, load }, openings, proceed)

  function start(entry: Entry): void {
    remove(waiting, entry)
    running.add(entry)
    entry.beganAt = time.monotonic()
    entry.stopHold = time.after(holdMs, () => losePlace(entry))
    entry.begin()
  }

  function losePlace(entry: Entry): void {
    running.delete(entry)
    overdue.add(entry)
    entry.stopHold = time.after(overdueMs, () => leave(entry))
    proceed()
  }

  function proceed(): void {
    const next = () => nextTurn(openings, places.now(), time.monotonic())
    for (let turn = next(); turn; turn = next()) start(turn)
  }

  function leave(entry: Entry, outcome?: 'served'): void {
    remove(waiting, entry)
    entry.stopHold()
    if (outcome === 'served' && !entry.isMeasured) {
      entry.isMeasured = true
      if (entry.urgency === 'reconnect') places.reconnectServed()
      const ms = measuredMs(time.monotonic() - entry.beganAt, places.now())
      admission.served(entry.urgency, ms, placesTaken([...running, ...overdue], places.now().places) || 1)
    }
    for (const begun of [running, overdue]) begun.delete(entry)
    // Also when it had no place: reconnects wait for owners' links that wait, and for openings that are overdue.
    proceed()
    places.sampleWhileOpening()
  }

  return {
    admitAttempt: (withinMs) => {
      const answer = admission.admit(withinMs, { ...places.now(), ...openings })
      if (answer !== 'admitted') places.areShort()
      return answer
    },
    enter(urgency, begin) {
      const entry = newEntry(urgency, begin, time.monotonic())
      admission.entered(urgency)
      waiting.push(entry)
      places.sampleWhileOpening()
      proceed()
      return (outcome) => leave(entry, outcome)
    },
  }
}

/** The places of a host, adapted while sockets open. */
function sampledPlaces({ time, load }: PacingDeps, openings: Openings<Entry>, onSample: () => void) {
  const { waiting, running, overdue } = openings
  let now = firstPlaces
  let isShort = false
  /** A reconnect was served since reconnects last got more places. */
  let isServed = false
  let stop: Cancel | undefined

  function sampleLater(): void {
    stop = time.after(sampleMs, () => {
      const before = now
      const open = countOf([...running, ...overdue], 'reconnect')
      const areReconnectsShort = countOf(waiting, 'reconnect') > 0 && open >= before.forReconnects
      const canReconnectsGrow = areReconnectsShort && isServed
      now = adaptedPlaces(before, { load: load(), isShort: isShort || waiting.length > 0, canReconnectsGrow })
      if (now.forReconnects > before.forReconnects) isServed = false
      isShort = false
      sampleLater()
      onSample()
    })
  }

  return {
    now: () => now,
    /** An attempt was refused. */
    areShort: () => {
      isShort = true
    },
    reconnectServed: () => {
      isServed = true
    },
    /** Begins and ends the samples: the load of a time without openings says nothing about them. */
    sampleWhileOpening: () => {
      if (waiting.length + running.size + overdue.size === 0) {
        stop?.()
        stop = undefined
        now = firstPlaces
        isServed = false
      } else if (!stop) {
        load()
        sampleLater()
      }
    },
  }
}
