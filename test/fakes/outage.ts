/** An outage of a store in memory, which a test begins and ends. */
export function outage(failure: () => Error) {
  let isDown = false
  return {
    /** The store's methods for tests. */
    controls: {
      breakDown: () => {
        isDown = true
      },
      repair: () => {
        isDown = false
      },
    },
    /** Takes a turn of the event loop. Rejects during the outage. */
    async answer(): Promise<void> {
      await Promise.resolve()
      if (isDown) throw failure()
    },
  }
}
