/**
 * Rules of the fuse: it limits the stored links that end because WhatsApp says so (R46). One 401 is believed; hundreds in
 * a minute are an error of WhatsApp's or of this build, and must not cost the fleet its links.
 */

/** `removed`: WhatsApp says that the device is gone. `refused`: it has refused the device's logins (401 and the like). */
export const fuseReasons = ['removed', 'refused'] as const
export type FuseReason = (typeof fuseReasons)[number]

/** A link that has ended; `at` is epoch ms. */
export type Place = { readonly companyId: string; readonly at: number }

/** Epoch ms at which somebody found no place, and at which the fuse was closed again; no `until` while it is open. */
export type Opening = { readonly since: number; readonly until?: number }

/** The fuse of one reason. */
export type FuseState = {
  /** Places taken within the longest window. */
  readonly places: readonly Place[]
  /** The last opening. While it lasts there is no place. */
  readonly opening?: Opening
}

/** A window: at most `least` places, or that percentage of the sessions that the fleet holds if it is more. */
export type FuseWindow = { readonly ms: number; readonly least: number; readonly percent: number }

export const newFuse: FuseState = { places: [] }

export const isOpen = (opening: Opening | undefined): boolean => opening !== undefined && opening.until === undefined

/**
 * Takes a place for a company at `now` (epoch ms); `held` is the number of sessions that the fleet holds. A company takes
 * one place per window, so that a repeated call takes no second one. A refusal opens the fuse.
 */
export function takePlace(
  fuse: FuseState,
  companyId: string,
  held: number,
  now: number,
  windows: readonly FuseWindow[],
): { readonly fuse: FuseState; readonly isGranted: boolean } {
  if (isOpen(fuse.opening)) return { fuse, isGranted: false }
  const longest = Math.max(...windows.map(({ ms }) => ms))
  const places = fuse.places.filter(({ at }) => now - at < longest)
  const taken = windows.map(({ ms, least, percent }) => {
    const companies = new Set(places.filter(({ at }) => now - at < ms).map((place) => place.companyId))
    const max = Math.max(least, Math.floor((percent / 100) * held))
    return { hasPlace: companies.has(companyId), isFull: companies.size >= max }
  })
  if (taken.every(({ hasPlace }) => hasPlace)) return { fuse, isGranted: true }
  if (taken.some(({ hasPlace, isFull }) => !hasPlace && isFull))
    return { fuse: { places, opening: { since: now } }, isGranted: false }
  return { fuse: { ...fuse, places: [...places, { companyId, at: now }] }, isGranted: true }
}

/** An operator's reset at `now` (epoch ms): the fuse is closed, and its places are free again. */
export const resetFuse = (fuse: FuseState, now: number): FuseState =>
  fuse.places.length > 0 || isOpen(fuse.opening) ? { ...closeFuse(fuse, now), places: [] } : fuse

/** Closes the fuse at `now` (epoch ms), because sessions connect again. The places that were taken still count. */
export const closeFuse = (fuse: FuseState, now: number): FuseState =>
  fuse.opening && isOpen(fuse.opening) ? { ...fuse, opening: { ...fuse.opening, until: now } } : fuse

/** Time before an opening in which the first links of a wave have still found a place. */
const waveBeginsMs = 5 * 60_000

/** True when a link that ended at `endedAt` (epoch ms) was one of the wave that opened the fuse. */
export const isOfWave = ({ since, until = Number.POSITIVE_INFINITY }: Opening, endedAt: number): boolean =>
  endedAt >= since - waveBeginsMs && endedAt <= until
