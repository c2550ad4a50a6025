/**
 * Pings of a socket, and the end of one whose peer has gone silent. Baileys does the same by the wall clock, so that a
 * correction of it by 35 s would end every socket of a host at once.
 */
import type { SocketTime } from './baileys-socket.ts'

/** Milliseconds from ping to ping. WhatsApp closes a connection that says nothing for longer. */
export const pingMs = 30_000
/** Milliseconds without a stanza after which a peer counts as gone, when the next ping is due. */
const silenceMs = 35_000

/** Milliseconds by which a check may be late. After a longer stop of the process, stanzas may wait to be read. */
const lateMs = 1000

export type KeepAliveDeps = {
  readonly time: SocketTime
  readonly ping: () => void
  /** Called once, when the peer has been silent for `ms`. */
  readonly onSilent: (ms: number) => void
}

export type KeepAlive = {
  /** Reports a stanza of the peer. The first one starts the pings. */
  heard(): void
  stop(): void
}

export function keepAlive({ time, ping, onSilent }: KeepAliveDeps): KeepAlive {
  let cancel: (() => void) | undefined
  let heardAt = 0
  let isStopped = false

  const stop = () => {
    isStopped = true
    cancel?.()
  }
  const check = (dueAt: number) => {
    const now = time.monotonic()
    // A process that was stopped has read nothing since: it asks once more before it calls the peer silent.
    const isLate = now - dueAt > lateMs
    if (!isLate && now - heardAt > silenceMs) {
      stop()
      onSilent(now - heardAt)
      return
    }
    if (isLate) heardAt = now
    plan(now)
    ping()
  }
  const plan = (now: number) => {
    cancel = time.after(pingMs, () => check(now + pingMs))
  }
  return {
    heard() {
      heardAt = time.monotonic()
      if (!cancel && !isStopped) plan(heardAt)
    },
    stop,
  }
}
