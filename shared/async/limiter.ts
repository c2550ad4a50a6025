/** Limits how many tasks run side by side, whoever starts them. */

/** Resolves when it is one's turn, in order of arrival, with a function that gives the place back. */
export type Limiter = () => Promise<() => void>

export function limiter(width: number): Limiter {
  const waiting: (() => void)[] = []
  let free = width

  function giveOn(): void {
    const next = waiting.shift()
    if (next) next()
    else free++
  }

  return async () => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    let isGiven = false
    return () => {
      if (!isGiven) giveOn()
      isGiven = true
    }
  }
}
