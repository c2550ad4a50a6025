/** What the adapter uses of Baileys' socket, in its own words, so that all but `whatsapp.ts` can do without Baileys. */
import type { Closable } from './socket-guard.ts'

/** A stanza of WhatsApp's binary XML. */
export type Stanza = {
  tag: string
  attrs: { [name: string]: string }
  content?: Stanza[] | string | Uint8Array
}

/** What a socket says of its connection. */
export type ConnectionUpdate = {
  readonly connection?: string | undefined
  readonly qr?: string | undefined
  readonly isNewLogin?: boolean | undefined
  readonly lastDisconnect?: { readonly error?: Error | undefined } | undefined
}

export type BaileysSocket = {
  /** Emits `CB:...` and `TAG:...` for incoming stanzas, and what the WebSocket itself emits. */
  readonly ws: Closable
  readonly onUpdate: (listener: (update: ConnectionUpdate) => void) => void
  /** Ends it without logging out; an update with `connection: 'close'` and no error follows. */
  readonly end: () => Promise<void>
  /** Frees what is still cached; harmless when repeated. */
  readonly freeCaches: () => void
  /** Tags are sequential. */
  readonly generateMessageTag: () => string
  readonly requestPairingCode: (phone: string) => Promise<string>
  /** Rejects when WhatsApp answers with an error, resolves undefined when it does not answer. */
  readonly query: (stanza: Stanza, timeoutMs: number) => Promise<Stanza | undefined>
}

/** All in milliseconds. */
export type SocketTimes = {
  /** From opening to the first QR, or to `opened`: a connect that hangs without any event ends here (R41). */
  readonly connectMs: number
  /** From companion_hello to its answer. */
  readonly helloMs: number
  /** From pair-success to WhatsApp's 515; after that the socket closes as if it had come. */
  readonly restartMs: number
  /** How long the peer may take to answer a WebSocket close. */
  readonly closeMs: number
}

export const childOf = ({ content }: Stanza, tag: string): Stanza | undefined =>
  Array.isArray(content) ? content.find((child) => child.tag === tag) : undefined

/** The server's own address. */
export const server = 's.whatsapp.net'
