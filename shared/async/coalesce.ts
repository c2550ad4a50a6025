/** Runs of one task, one after the other; requests that come during a run share the next one. */
export type Coalesced = {
  /** Runs the task after the run that is under way, and settles as that next run does. */
  request(): Promise<void>
  /** True while a run is requested that has not begun. */
  isRequested(): boolean
  /** Waits for the run that is under way. Never rejects. */
  settled(): Promise<void>
}

/** Makes the runs of a task. A failed run does not stop the next one. */
export function coalesce(task: () => Promise<void>): Coalesced {
  let current: Promise<void> = Promise.resolve()
  let following: Promise<void> | undefined
  const settled = () => current.catch(() => undefined)
  return {
    request: () => {
      following ??= settled().then(() => {
        following = undefined
        current = task()
        return current
      })
      return following
    },
    isRequested: () => following !== undefined,
    settled,
  }
}
