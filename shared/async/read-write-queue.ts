/** Runs reads beside each other, and each write alone. */
export type ReadWriteQueue = {
  /** Runs the task after all writes that were asked for before it; returns its result or its failure. */
  read<T>(task: () => Promise<T>): Promise<T>
  /** Runs the task after all reads and writes that were asked for before it; returns its result or its failure. */
  write<T>(task: () => Promise<T>): Promise<T>
}

/**
 * Makes a queue in which a read never sees a write that is half done. A failed task does not stop the others. A task must
 * not wait for another one of the same queue: both would wait for ever.
 */
export function readWriteQueue(): ReadWriteQueue {
  let writesEnd: Promise<unknown> = Promise.resolve()
  let allEnd: Promise<unknown> = Promise.resolve()
  // Never synchronously: the task must see what its caller still does in this turn.
  const after = <T>(earlier: Promise<unknown>, task: () => Promise<T>): Promise<T> => earlier.then(() => task())
  return {
    read(task) {
      const mine = after(writesEnd, task)
      allEnd = Promise.allSettled([allEnd, mine])
      return mine
    },
    write(task) {
      const mine = after(allEnd, task)
      writesEnd = Promise.allSettled([mine])
      allEnd = writesEnd
      return mine
    },
  }
}
