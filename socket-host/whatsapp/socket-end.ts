/** End of a socket: exactly once, for one reason, and within a second or two whatever the peer does. */
import type { Close } from '#shared/domain/session/disconnect.ts'

export type SocketEnd = {
  /** Resolves when the socket is gone. */
  readonly gone: Promise<Close>
  /** True once the socket is ending or gone: its events are ignored from then on (R42). */
  isOver(): boolean
  /** Fails with `otherwise` after `ms`, unless another call of `expectProgress` or `expectNothing` comes first. */
  expectProgress(ms: number, otherwise: Close): void
  /** Stops waiting for progress. */
  expectNothing(): void
  /** Ends the socket. Only the first reason counts. */
  fail(close: Close): void
  /** Reports that Baileys has closed: for `reason`, or (undefined) because we ended it. */
  closed(reason: Close | undefined): void
}

export type SocketEndDeps = {
  /** Asks Baileys to close. The caller reports that by `closed`. */
  readonly end: () => void
  /** Milliseconds that Baileys may take to close; then the socket counts as gone regardless. */
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
