/** Counts the turns of the event loop that other work gets while something runs: never times, which depend on the machine. */
import { setImmediate as nextTurn } from 'node:timers/promises'

export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let isOver = false
  const other = async () => {
    while (!isOver) {
      await nextTurn()
      turns += 1
    }
  }
  const counting = other()
  try {
    await work()
    return turns
  } finally {
    isOver = true
    await counting
  }
}
