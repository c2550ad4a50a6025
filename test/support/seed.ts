/** The seed of every random walk in the tests: fixed, so that a run that passed passes again. */

/** `SEED=7 npm test` walks elsewhere; a failing walk prints its seed. */
export const usualSeed = 1

export const seed = readSeed(process.env['SEED'])

/** Throws on anything but a whole number: a typo would run the usual walks under another name. */
function readSeed(text: string | undefined): number {
  if (text === undefined) return usualSeed
  if (!/^\d{1,9}$/.test(text)) throw new Error(`SEED must be a whole number of at most nine digits, not "${text}"`)
  return Number(text)
}
