/** Number of openings that a host runs side by side, adapted to what its event loop can do (R66). Pure. */

/** Reasons to open a socket, the most urgent first. */
export type Urgency = 'pairing' | 'restart' | 'unlink' | 'reconnect'

const limits = {
  /** Fewest places: most of an opening is waiting, so that fewer would leave the core idle when WhatsApp is slow. */
  least: 16,
  /** Places of a host that was idle. Fifty pairings then have their codes within 15 s, even if each takes 4 s. */
  first: 32,
  /** Most places: WhatsApp is slow when an idle host needs so many, and opening more would not make it faster. */
  most: 48,
  /**
   * Most places of reconnects. A login takes about five round trips: with 200 ms each, eighty begin in a second. More would
   * make the first owner who comes wait for seconds.
   */
  maxReconnects: 96,
} as const

/** Share of the time for which the event loop is busy: above it the openings only slow each other down. */
const busyLoad = 0.9
/** Below this share the loop can serve more. */
const spareLoad = 0.75
/**
 * Reconnects get as many places as make the loop busy for this share of its time. The helper threads of the garbage
 * collector need the rest of the core.
 */
const reconnectLoad = 0.85

export type Places = {
  /** Places of all openings but the reconnects that have more than their share. */
  readonly places: number
  /**
   * Most reconnects while no owner waits, or the loop has time to spare. They come by the thousand when a host has died,
   * and each is mostly waiting for WhatsApp, so that the core would be idle with as many places as owners need.
   */
  readonly forReconnects: number
  /** The event loop had no time to spare at the last look. */
  readonly isBusy: boolean
}

const quarterOf = (places: number): number => Math.ceil(places / 4)

/** Places of a host that was idle. */
export const firstPlaces: Places = { places: limits.first, forReconnects: quarterOf(limits.first), isBusy: false }

/** Facts of a look at the load. */
export type Look = {
  /** Share of the time since the last look for which the loop was busy, 0 to 1. */
  readonly load: number
  /** An opening waits, or an attempt was refused. */
  readonly isShort: boolean
  /**
   * Reconnects wait, have taken all places that are for them, and one was served since they last got more. Without the
   * latter, a loop would be idle because WhatsApp or the store does not answer, and more and more of them would hang.
   */
  readonly canReconnectsGrow: boolean
}

/** Returns the places after a look at the load: a few more, or a few less. */
export function adaptedPlaces(before: Places, { load, isShort, canReconnectsGrow }: Look): Places {
  const isBusy = load > busyLoad
  if (isBusy) {
    // Those that reconnects have beyond their share go first: owners must not lose places to a load that reconnects make.
    const areMany = before.forReconnects > quarterOf(before.places)
    const places = areMany ? before.places : Math.max(limits.least, Math.floor(before.places * 0.95))
    return { places, forReconnects: reconnectsAt(load, before.forReconnects, places), isBusy }
  }
  if (!isShort) return { ...before, isBusy }
  const places = load < spareLoad ? Math.min(limits.most, before.places + 2) : before.places
  const wanted = reconnectsAt(load, before.forReconnects, places)
  const limit = canReconnectsGrow ? wanted : Math.max(before.forReconnects, quarterOf(places))
  return { places, forReconnects: Math.min(wanted, limit), isBusy }
}

/** The load grows with the number of reconnects: returns the number at which it would be as wanted, in steps. */
function reconnectsAt(load: number, before: number, places: number): number {
  const factor = Math.min(2, reconnectLoad / Math.max(load, 0.01))
  return Math.min(limits.maxReconnects, Math.max(quarterOf(places), Math.round(before * factor)))
}

/** Returns the places that an urgency has whenever it needs them, whatever the others do. */
export function shareOf(urgency: Urgency, of: number): number {
  // One login that removes a device runs whatever the others do: hundreds of resets must not go ahead of links.
  if (urgency === 'unlink') return 1
  return urgency === 'pairing' ? of - 2 * quarterOf(of) : quarterOf(of)
}
