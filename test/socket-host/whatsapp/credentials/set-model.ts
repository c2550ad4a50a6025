/**
 * Model of sets of keys: each set is there as a whole or not at all, and what has been seen of it once stays so. A pre-key
 * that has been used by a set that is there never returns.
 */
import { expect } from 'vitest'

/** One `set` of Baileys: sessions that become `name`, with so many bytes more, and pre-keys that have been used. */
export type KeySet = {
  readonly name: string
  readonly sessions: readonly string[]
  readonly used: readonly string[]
  readonly size: number
}
/** View of a reader: the name in each session, and under `used` the ids of the pre-keys that are gone. */
export type Seen = Readonly<Record<string, string>>

/** The rows that a set writes once the rows of its pre-keys are small, 16 ids each. */
const rowsOf = ({ sessions, used }: KeySet) =>
  new Set([...sessions, ...used.map((id) => `pre-keys ${Math.floor(Number(id) / 16)}`)])
const sharesRows = (one: KeySet, other: KeySet) => [...rowsOf(one)].some((row) => rowsOf(other).has(row))

export const usedText = (ids: Iterable<string>) => [...new Set(ids)].toSorted().join(' ')
const idsIn = (text = '') => (text === '' ? [] : text.split(' '))

const after = (seen: Seen, { name, sessions, used }: KeySet): Seen => ({
  ...seen,
  ...Object.fromEntries(sessions.map((id) => [id, name])),
  used: usedText([...idsIn(seen['used']), ...used]),
})
const distinct = (all: readonly Seen[]) => [...new Map(all.map((seen) => [JSON.stringify(seen), seen])).values()]

export function setModel(initial: Seen) {
  /** All that may be seen next. */
  let possible: readonly Seen[] = [initial]
  /** Sets of one row whose credentials are gone: the row may appear late until somebody else has written it (R12). */
  let stragglers: readonly KeySet[] = []
  let unsettled: readonly KeySet[] = []
  /** Fates of sets of unknown outcome; for tests that must have seen all of it. */
  const reached = new Set<'there after all' | 'not there after all'>()
  const perhaps = (set: KeySet) => {
    possible = distinct([...possible, ...possible.map((seen) => after(seen, set))])
  }
  return {
    reached,
    isThere(set: KeySet) {
      possible = distinct(possible.map((seen) => after(seen, set)))
      stragglers = stragglers.filter((straggler) => !sharesRows(straggler, set))
      unsettled = []
    },
    mayBeThere(set: KeySet) {
      perhaps(set)
      if (rowsOf(set).size === 1) unsettled = [...unsettled, set]
    },
    /** Other credentials are loaded: those that would have repeated the unsettled sets are gone. */
    isLoaded() {
      stragglers = [...stragglers, ...unsettled]
      unsettled = []
    },
    lateOnesArrive: () => stragglers.forEach(perhaps),
    /** Expects that this may be seen. From here on nothing else may be. */
    isSeen(part: Seen) {
      const left = possible.filter((seen) => Object.entries(part).every(([name, value]) => seen[name] === value))
      if (left.length === 0) expect(possible).toContainEqual(expect.objectContaining(part))
      const [before] = possible
      if (left.length < possible.length)
        reached.add(before && left.includes(before) ? 'not there after all' : 'there after all')
      possible = left
      unsettled = []
    },
  }
}
