/**
 * Rules of the fuse: it limits the stored links that end because WhatsApp says so (R46). One 401 is believed; hundreds in
 * a minute are an error of WhatsApp's or of this build, and must not cost the fleet its links.
 */

/** A link that has ended; `at` is epoch ms. */
export type Place = { readonly companyId: string; readonly at: number }

export type FuseState = {
  /** Places taken within the last day. */
  readonly places: readonly Place[]
  /** Epoch ms at which somebody found no place. From then on there is none, until the fuse is closed. */
  readonly openSince?: number
}

/** A window: at most `least` places, or that share of the sessions that the fleet holds if it is more. */
export type FuseWindow = { readonly ms: number; readonly least: number; readonly share: number }

export const fuseWindows: readonly FuseWindow[] = [
  { ms: 5 * 60_000, least: 3, share: 0.002 },
  { ms: 24 * 3_600_000, least: 20, share: 0.02 },
]

export const newFuse: FuseState = { places: [] }

/**
 * Takes a place for a company at `now` (epoch ms); `held` is the number of sessions that the fleet holds. A company takes
 * one place per window, so that a repeated call takes no second one. A refusal opens the fuse.
 */
export function takePlace(
  fuse: FuseState,
  companyId: string,
  held: number,
  now: number,
  windows: readonly FuseWindow[] = fuseWindows,
): { readonly fuse: FuseState; readonly isGranted: boolean } {
  if (fuse.openSince !== undefined) return { fuse, isGranted: false }
  const longest = Math.max(...windows.map(({ ms }) => ms))
  const places = fuse.places.filter(({ at }) => now - at < longest)
  const isFull = windows.some(({ ms, least, share }) => {
    const taken = places.filter(({ at }) => now - at < ms)
    const companies = new Set(taken.map((place) => place.companyId))
    return !companies.has(companyId) && companies.size >= Math.max(least, Math.floor(share * held))
  })
  if (isFull) return { fuse: { places, openSince: now }, isGranted: false }
  return { fuse: { places: [...places, { companyId, at: now }] }, isGranted: true }
}

/** Closes the fuse. The places that were taken still count. */
export const closeFuse = ({ places }: FuseState): FuseState => ({ places })
