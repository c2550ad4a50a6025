/** Runs a task after all earlier tasks of the same name have ended; returns its result or its failure. */
export type SerialQueue = <T>(task: () => Promise<T>, name?: string) => Promise<T>

/** Makes a queue that runs the tasks of one name one at a time, in order. A failed task does not stop the others. */
export function serialQueue(): SerialQueue {
  const last = new Map<string, Promise<unknown>>()
  return async (task, name = '') => {
    // Never synchronously: the task must see what its caller still does in this turn.
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
