/** Windows of the fuse, as variables and as rules (R46). */

/** Places of one window: at most `least`, or that percentage of the sessions that the fleet holds if it is more. */
export type Places = { readonly least: number; readonly percent: number }

/** Writes places as a variable, e.g. `3,0.2%`. */
export const writePlaces = ({ least, percent }: Places): string => `${least},${percent}%`

/** Form of the variable. */
export const placesForm = /^\d{1,6},\d{1,2}(\.\d{1,3})?%$/

/** True for places that hosts can read. */
export const arePlaces = (places: Places): boolean => placesForm.test(writePlaces(places))

/** Reads a variable that `writePlaces` wrote. */
export function readPlaces(text: string): Places {
  const [least, percent] = text.replace('%', '').split(',').map(Number)
  return { least: least ?? 0, percent: percent ?? 0 }
}

/** Returns the windows with these places; `ms` is the length of a window. */
export const fuseWindows = (fiveMinutes: Places, day: Places): readonly (Places & { readonly ms: number })[] => [
  { ms: 5 * 60_000, ...fiveMinutes },
  { ms: 24 * 3_600_000, ...day },
]
