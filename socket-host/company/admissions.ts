/** Admits attempts that a host can serve in time, from what it has measured so far (R44, R66). */
import type { Clock } from '#shared/ports.ts'
import { averageWith, type Demand, msToCode, typedWithinMs, unmeasured } from './link-estimate.ts'
import { shareOf, type Urgency } from './opening-places.ts'
import { countOf } from './opening-turn.ts'
import { retryTimes } from './retry-times.ts'

/** `retryAfter` is in seconds. */
export type Admission = 'admitted' | { readonly retryAfter: number }

/** Share of its time in which an attempt must have its code by the estimate: the rest is for what nobody could expect. */
const promisedShare = 0.6

/** Milliseconds after which an admitted attempt that has not come to open its socket is given up. */
const comesWithinMs = 5_000

/** Share of typed codes that is reckoned with at least, and its weight in the moving average. */
const leastTyped = 0.2
const typedWeight = 0.05

/** Links of a minute that a host always takes on, unless it is slower than a host is assumed to be (R44). */
const burst = 50

const isBurst = ({ pairing, pairings, restarts, codes }: Demand): boolean =>
  pairings + restarts + codes < burst && pairing.ms <= unmeasured.pairing.ms

type Opening = { readonly urgency: Urgency; readonly beganAt: number }

type State = Pick<Demand, 'places'> & {
  readonly waiting: readonly Opening[]
  readonly running: ReadonlySet<Opening>
  /** They have lost their places and still run. */
  readonly overdue: ReadonlySet<Opening>
  /** The event loop had no time to spare lately. */
  readonly isBusy: boolean
}

/**
 * Milliseconds for which a quarter of the pairings, and four at least, have run on a busy loop. That many are slow because
 * the host is; a few hang for reasons of their own, and must not make it say `BUSY` to others (R62).
 */
function msOfSlowPairings({ running, overdue, isBusy }: State, now: number): number {
  if (!isBusy) return 0
  const pairings = [...running, ...overdue].filter(({ urgency }) => urgency === 'pairing')
  const ages = pairings.map(({ beganAt }) => now - beganAt).sort((one, other) => other - one)
  return ages[Math.max(3, Math.ceil(ages.length / 4) - 1)] ?? 0
}

/**
 * Whether reconnects leave only half of the host to others: some wait, or as many run as have a place at any time. One or
 * two of the day must not make a host refuse half of its owners, nor those that hang and need none of its core.
 */
const areManyReconnects = ({ waiting, running, places }: State): boolean =>
  countOf(waiting, 'reconnect') > 0 || countOf(running, 'reconnect') >= shareOf('reconnect', places)

export function admissions(monotonic: Clock) {
  const measured = { ...unmeasured }
  const retries = retryTimes()
  /** Monotonic ms of attempts that were admitted and have not come to open their sockets, and of codes on screen. */
  let admitted: readonly number[] = []
  let codes: readonly number[] = []
  let typed = 1

  const learnTyped = (isTyped: boolean): void => {
    typed = Math.max(leastTyped, typed + (Number(isTyped) - typed) * typedWeight)
  }

  function forgetOld(now: number): void {
    admitted = admitted.filter((at) => now - at < comesWithinMs)
    const left = codes.filter((at) => now - at < typedWithinMs)
    for (let old = left.length; old < codes.length; old++) learnTyped(false)
    codes = left
  }

  function demandOf(state: State): Demand {
    const { waiting, running, overdue, places } = state
    const all = [...waiting, ...running, ...overdue]
    const pairings = admitted.length + countOf(all, 'pairing')
    const restarts = countOf(all, 'restart')
    if (pairings === 0) measured.pairing = unmeasured.pairing
    if (restarts === 0) measured.restart = unmeasured.restart
    // Owners of another day say nothing about those who come together now.
    if (pairings + codes.length === 0) typed = 1
    const hasReconnects = areManyReconnects(state)
    const pairing = { ...measured.pairing, ms: Math.max(measured.pairing.ms, msOfSlowPairings(state, monotonic())) }
    return { ...measured, pairing, places, pairings, restarts, codes: codes.length, typed, hasReconnects }
  }

  return {
    admit: (withinMs: number, state: State): Admission => {
      const now = monotonic()
      forgetOld(now)
      const demand = demandOf(state)
      if (demand.pairings === 0) retries.clear()
      const lateMs = msToCode(demand, withinMs) - withinMs * promisedShare
      if (lateMs > 0 && !isBurst(demand)) return { retryAfter: retries.after(now, lateMs) }
      admitted = [...admitted, now]
      return 'admitted'
    },
    /** An opening has come: an admitted pairing, or the restart of a link whose code was typed. */
    entered: (urgency: Urgency): void => {
      if (urgency === 'pairing') admitted = admitted.slice(1)
      if (urgency !== 'restart' || codes.length === 0) return
      codes = codes.slice(1)
      learnTyped(true)
    },
    /** An opening has reached its goal, `ms` after it began and beside `width` openings. */
    served: (urgency: Urgency, ms: number, width: number): void => {
      if (urgency !== 'pairing' && urgency !== 'restart') return
      const isFirst = measured[urgency] === unmeasured[urgency]
      measured[urgency] = isFirst ? { ms, width } : averageWith(measured[urgency], { ms, width })
      if (urgency === 'pairing') codes = [...codes, monotonic()]
    },
  }
}
