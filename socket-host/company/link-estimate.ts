/** Estimate of the time until an attempt has its code, from the whole cost of the links before it (R66). Pure. */

/** Measured openings of an urgency, as moving averages. */
export type Measured = {
  /** Milliseconds that an opening takes. */
  readonly ms: number
  /** Openings that ran beside it, of any urgency and itself included. */
  readonly width: number
}

/**
 * Assumed while an urgency has no openings: what was measured under load does not hold afterwards. A code takes half a
 * second as a rule, but up to four when WhatsApp is slow.
 */
export const unmeasured: Readonly<Record<'pairing' | 'restart', Measured>> = {
  pairing: { ms: 4000, width: 1 },
  restart: { ms: 1000, width: 1 },
}

/**
 * Milliseconds of one core that an opening takes at least. They limit what a burst is promised before anything of it is
 * measured; a host that is faster never has a queue that is long enough to notice.
 */
const leastMs = { pairing: 100, restart: 150 } as const

/** Weight of the last one in a moving average. */
const lastWeight = 0.1

/** Returns the averages after a further opening. */
export const averageWith = (average: Measured, last: Measured): Measured => ({
  ms: average.ms + (last.ms - average.ms) * lastWeight,
  width: average.width + (last.width - average.width) * lastWeight,
})

/** Time in which the owners type their codes: a code lives for 50 s, and a late one links too. */
export const typedWithinMs = 60_000

export type Demand = {
  readonly pairing: Measured
  readonly restart: Measured
  readonly places: number
  /** Attempts that were admitted and have no code yet. */
  readonly pairings: number
  /** Restarts that wait or run. */
  readonly restarts: number
  /** Codes on screen. */
  readonly codes: number
  /** Share of the codes that are typed. */
  readonly typed: number
  /** Many reconnects wait or run as well: of the places, only the share of the pairings is sure. */
  readonly hasReconnects: boolean
}

/** Returns the ms until a further attempt has its code, if `withinMs` pass meanwhile in which owners type theirs. */
export function msToCode(demand: Demand, withinMs: number): number {
  const { pairing, restart, pairings, codes, typed } = demand
  // The core's time is shared like the places.
  const share = demand.hasReconnects ? 0.5 : 1
  const restarts = demand.restarts + typed * (codes + pairings) * Math.min(1, withinMs / typedWithinMs)
  const width = Math.max(demand.places, pairing.width) * share
  const ofPlaces = (pairings * pairing.ms + restarts * restart.ms) / width
  const ofCore = (pairings * leastMs.pairing + restarts * leastMs.restart) / share
  return pairing.ms + Math.max(ofCore, ofPlaces - pairing.ms)
}
