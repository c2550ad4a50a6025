/** The part of Baileys' socket that the adapter uses, typed without Baileys; `baileys-connection.ts` provides it. */
import type { Timer } from '#shared/async/time-limit.ts'
import type { Clock } from '#shared/ports.ts'
import type { Closable } from './socket-guard.ts'

/** A stanza of WhatsApp's binary XML. */
export type Stanza = {
  tag: string
  attrs: { [name: string]: string }
  content?: Stanza[] | string | Uint8Array
}

/** Fields of Baileys' `connection.update` that the adapter reads. */
export type ConnectionUpdate = {
  readonly connection?: string | undefined
  readonly qr?: string | undefined
  readonly isNewLogin?: boolean | undefined
  readonly lastDisconnect?: { readonly error?: Error | undefined } | undefined
}

export type BaileysSocket = {
  /** Emits `CB:...` and `TAG:...` for incoming stanzas, and the events of the WebSocket itself. */
  readonly ws: Closable
  readonly onUpdate: (listener: (update: ConnectionUpdate) => void) => void
  /** Ends the socket without logging out; an update with `connection: 'close'` and no error follows. */
  readonly end: () => Promise<void>
  /** Closes the caches of the Signal repository. Safe to repeat. */
  readonly freeCaches: () => void
  /** Returns the next message tag: a prefix and a number that grows by one. */
  readonly generateMessageTag: () => string
  readonly requestPairingCode: (phone: string) => Promise<string>
  /** Sends a stanza and returns the answer: undefined when none comes in time. Rejects when the answer is an error. */
  readonly query: (stanza: Stanza, timeoutMs: number) => Promise<Stanza | undefined>
  /** Sends a ping. Its answer shows as a stanza like any other. Rejects when it cannot be sent. */
  readonly ping: () => Promise<void>
}

/** Time limits of a socket, in milliseconds. */
export type SocketTimes = {
  /** From opening to the first QR, or to `opened`. Ends a connect that hangs without any event (R41). */
  readonly connectMs: number
  /** From companion_hello to its answer. */
  readonly helloMs: number
  /** From pair-success to WhatsApp's status 515. If it has not come by then, the socket closes as if it had (R20). */
  readonly restartMs: number
  /** From our WebSocket close frame to the peer's answer. */
  readonly closeMs: number
}

/** Monotonic clock, in ms, and timers: for durations, which a correction of the wall clock must not change. */
export type SocketTime = { readonly monotonic: Clock; readonly after: Timer }

export const childOf = ({ content }: Stanza, tag: string): Stanza | undefined =>
  Array.isArray(content) ? content.find((child) => child.tag === tag) : undefined

/** JID of WhatsApp's server. */
export const server = 's.whatsapp.net'
