/** A queue with one reader, which waits while the queue is empty. */
export type Inbox<T> = {
  deliver(items: readonly T[]): void
  /** Resolves with the next item, or undefined when the queue is empty and has ended. */
  next(): Promise<T | undefined>
  end(): void
}

/** Makes an empty queue. */
export function newInbox<T>(): Inbox<T> {
  const items: T[] = []
  let hasEnded = false
  let reader: ((item: T | undefined) => void) | undefined

  const serve = () => {
    if (!reader || (items.length === 0 && !hasEnded)) return
    reader(items.shift())
    reader = undefined
  }
  return {
    deliver(more) {
      items.push(...more)
      serve()
    },
    next: () =>
      new Promise((resolve) => {
        reader = resolve
        serve()
      }),
    end() {
      hasEnded = true
      serve()
    },
  }
}
