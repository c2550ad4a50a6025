/** Long work in the one thread of a process, in slices. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Items of a slice. Sealing or parsing that many takes 2 ms or so. As one piece, the 20,000 rows of an address book
 * would hold up all sessions of a host for half a second (R62).
 */
const sliceSize = 100

/**
 * Calls `each` for each item, in order, and returns the results. After each slice it lets other work run; up to one
 * slice of items is done without a break. It rejects with what `each` throws, and then goes no further.
 */
export async function inSlices<Item, Result>(
  items: Iterable<Item>,
  each: (item: Item) => Result,
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const item of items) {
    if (results.length > 0 && results.length % sliceSize === 0) await nextTurn()
    results.push(each(item))
  }
  return results
}
