/** Runs a task when all tasks of its name that were handed in before are over. */
export type SerialQueue = <T>(task: () => Promise<T>, name?: string) => Promise<T>

/** Asynchronous tasks of one name run one after the other, in the order of their coming. A failure stops nobody else. */
export function serialQueue(): SerialQueue {
  const last = new Map<string, Promise<unknown>>()
  return async (task, name = '') => {
    // Never at once: what the caller still does in this turn belongs to what its task finds.
    const run = () => task()
    const mine = (last.get(name) ?? Promise.resolve()).then(run, run)
    last.set(name, mine)
    try {
      return await mine
    } finally {
      if (last.get(name) === mine) last.delete(name)
    }
  }
}
