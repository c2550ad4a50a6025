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
} as const

/** Share of the time for which the event loop is busy: above it the openings only slow each other down. */
const busyLoad = 0.9
/** Below this share the loop can serve more. */
const spareLoad = 0.75

export type Places = {
  readonly places: number
  /** Most of them that reconnects may take. It grows slowly: they come by the hundred, and nobody waits for them. */
  readonly forReconnects: number
  /** The event loop had no time to spare in the last second. */
  readonly isBusy: boolean
}

const quarterOf = (places: number): number => Math.ceil(places / 4)

/** Places of a host that was idle. */
export const firstPlaces: Places = { places: limits.first, forReconnects: quarterOf(limits.first), isBusy: false }

/**
 * Returns the places after a second with that load (0 to 1): a few more, or a tenth less. `isShort`: an opening waits, or
 * an attempt was refused.
 */
export function adaptedPlaces({ places, forReconnects }: Places, load: number, isShort: boolean): Places {
  if (load > busyLoad) {
    const fewer = Math.max(limits.least, Math.floor(places * 0.9))
    return { places: fewer, forReconnects: quarterOf(fewer), isBusy: true }
  }
  if (load >= spareLoad || !isShort) return { places, forReconnects, isBusy: false }
  const more = { places: Math.min(limits.most, places + 4), forReconnects: Math.min(limits.most, forReconnects + 2) }
  return { ...more, isBusy: false }
}

/** Returns the places that an urgency has whenever it needs them, whatever the others do. */
export function shareOf(urgency: Urgency, of: number): number {
  // One login that removes a device runs whatever the others do: hundreds of resets must not go ahead of links.
  if (urgency === 'unlink') return 1
  return urgency === 'pairing' ? of - 2 * quarterOf(of) : quarterOf(of)
}
