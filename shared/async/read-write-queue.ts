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
  let writesEnd: Promise<void> = Promise.resolve()
  let allEnd: Promise<void> = Promise.resolve()
  // Never synchronously: the task must see what its caller still does in this turn.
  const after = <T>(earlier: Promise<unknown>, task: () => Promise<T>): Promise<T> => earlier.then(() => task())
  return {
    read(task) {
      const mine = after(writesEnd, task)
      const earlier = allEnd
      allEnd = endOf(mine).then(() => earlier)
      return mine
    },
    write(task) {
      const mine = after(allEnd, task)
      writesEnd = endOf(mine)
      allEnd = writesEnd
      return mine
    },
  }
}

/** Resolves without the result, which would otherwise be kept until the next write. */
const endOf = (task: Promise<unknown>): Promise<void> =>
  task.then(
    () => undefined,
    () => undefined,
  )
