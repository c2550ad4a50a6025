/** Repeatable random numbers: the same seed gives the same sequence. */
export type Dice = ReturnType<typeof dice>

/** Creates a generator with the Mulberry32 algorithm. */
export function dice(seed: number) {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (from: number, to: number): number => Math.floor(from + next() * (to - from))
  return {
    between,
    pick: <T>(items: readonly T[]): T | undefined => items[between(0, items.length)],
  }
}
