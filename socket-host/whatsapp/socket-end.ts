/** How a socket ends: exactly once, for one reason, and within a second or two whatever the peer does. */
import type { Close } from '#shared/domain/session/disconnect.ts'

export type SocketEnd = {
  /** Resolves when the socket is gone. */
  readonly gone: Promise<Close>
  /** Ending or gone: nothing that it says counts any more (R42). */
  isOver(): boolean
  /** Fails with `otherwise` unless something else is expected, or nothing, within `ms`. */
  expectProgress(ms: number, otherwise: Close): void
  expectNothing(): void
  /** Ends the socket; the first reason counts. */
  fail(close: Close): void
  /** The library has closed: by itself for `reason`, or because we ended it. */
  closed(reason: Close | undefined): void
}

export type SocketEndDeps = {
  /** Asks the library to close; `closed` is called when it has. */
  readonly end: () => void
  /** For how long the library may take to close before the socket counts as gone regardless. */
  readonly graceMs: number
  readonly onGone: (close: Close) => void
}

export function socketEnd({ end, graceMs, onGone }: SocketEndDeps): SocketEnd {
  const { promise: gone, resolve } = Promise.withResolvers<Close>()
  let failure: Close | undefined
  let isGone = false
  let timer: NodeJS.Timeout | undefined

  const finish = (close: Close) => {
    if (isGone) return
    isGone = true
    clearTimeout(timer)
    onGone(close)
    resolve(close)
  }
  const fail = (close: Close) => {
    if (failure || isGone) return
    failure = close
    clearTimeout(timer)
    timer = setTimeout(() => finish(close), graceMs)
    end()
  }
  return {
    gone,
    isOver: () => isGone || failure !== undefined,
    expectProgress(ms, otherwise) {
      if (failure || isGone) return
      clearTimeout(timer)
      timer = setTimeout(() => fail(otherwise), ms)
    },
    expectNothing() {
      if (!failure) clearTimeout(timer)
    },
    fail,
    closed: (reason) => finish(reason ?? failure ?? { reason: 'closed', detail: 'ended' }),
  }
}
