/** The one place that reads Baileys' closes (R26): status, message, data and phase say why a socket closed. */
import type { Close, CloseReason } from '#shared/domain/session/disconnect.ts'

/** How far a socket had come when it closed. */
export type SocketPhase =
  /** Nothing but the Noise handshake so far: the server has not proved who it is. */
  | 'handshake'
  /** Registered and not yet linked: a QR or a code is on screen. */
  | 'registering'
  /** Pair-success has come; WhatsApp closes the socket next. */
  | 'linked'
  /** Logged in, or about to. */
  | 'session'

type Facts = {
  readonly status: number | undefined
  readonly message: string
  /** `code` of the network or TLS error underneath. */
  readonly cause: string | undefined
  readonly isBoom: boolean
  readonly phase: SocketPhase
}

type Rule = { readonly when: (facts: Facts) => boolean; readonly reason: CloseReason }

/** OpenSSL's names for a certificate that does not hold. */
const tlsRefusal = /^(DEPTH_ZERO|SELF_SIGNED|CERT_|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/

/** From the most telling words to the least; the status decides only when none of them applies. */
const rules: readonly Rule[] = [
  { when: ({ message }) => message === 'QR refs attempts ended', reason: 'refsEnded' },
  { when: ({ message }) => message === 'Intentional Logout', reason: 'closed' },
  {
    when: ({ message }) => /account signature$|^Missing device-identity/.test(message),
    reason: 'badLink',
  },
  { when: ({ cause }) => tlsRefusal.test(cause ?? ''), reason: 'untrustedServer' },
  {
    when: ({ message }) => /noise .*certificate|^certification match failed$/.test(message),
    reason: 'untrustedServer',
  },
  // A server hello that does not decrypt or parse surfaces as a plain error of Node or of the parser.
  { when: ({ isBoom, phase }) => !isBoom && phase === 'handshake', reason: 'untrustedServer' },
  // Pair-success is the only stanza whose parse errors Baileys turns into a close.
  { when: ({ isBoom, phase }) => !isBoom && phase === 'registering', reason: 'badLink' },
  { when: ({ message }) => message.startsWith('WebSocket Error'), reason: 'lost' },
  // Without a link a 401 cannot mean that one was removed: WhatsApp does not take what we sent for a registration.
  { when: ({ status, phase }) => status === 401 && phase === 'registering', reason: 'rejected' },
]

/** Baileys' status codes, which are WhatsApp's failure reasons and stream error codes where those have one. */
const reasonOfStatus: Readonly<Record<number, CloseReason>> = {
  400: 'rejected',
  401: 'loggedOut',
  402: 'restricted',
  403: 'restricted',
  405: 'outdated',
  406: 'restricted',
  408: 'lost',
  409: 'rejected',
  411: 'rejected',
  413: 'rejected',
  414: 'rejected',
  415: 'rejected',
  418: 'rejected',
  428: 'lost',
  440: 'replaced',
  500: 'unavailable',
  501: 'unavailable',
  503: 'unavailable',
  515: 'restart',
}

/** What the error of `lastDisconnect` means. No error at all: the socket was ended by us. */
export function closeOf(error: unknown, phase: SocketPhase): Close {
  if (error === undefined) return { reason: 'closed', detail: 'ended' }
  const facts = factsOf(error, phase)
  const reason = rules.find(({ when }) => when(facts))?.reason ?? reasonOfStatus[facts.status ?? 0] ?? 'unknown'
  return { reason, detail: printable(facts.message), ...(facts.status !== undefined && { status: facts.status }) }
}

/** WhatsApp's front end refused the WebSocket upgrade with an HTTP status, about which Baileys says nothing. */
export const refusedUpgrade = (status: number): Close => ({
  reason: 'unavailable',
  status,
  detail: `HTTP ${status} on the WebSocket upgrade`,
})

/** A close that we decided on. */
export const ownClose = (reason: CloseReason, detail: string): Close => ({ reason, detail: printable(detail) })

/** A library's words as they may stand in a log line: short, without anything that could be a phone or a key (R5). */
export const printable = (words: string): string =>
  words
    .replace(/[A-Za-z0-9+/=]{32,}/g, '***')
    .replace(/\d{7,}/g, '***')
    .slice(0, 200)

/** The message of whatever was thrown. */
export const messageOf = (error: unknown): string => printable(error instanceof Error ? error.message : String(error))

function factsOf(error: unknown, phase: SocketPhase): Facts {
  const output = field(error, 'output')
  const status = field(output, 'statusCode')
  const cause = field(field(error, 'data'), 'code')
  return {
    status: typeof status === 'number' ? status : undefined,
    message: error instanceof Error ? error.message : String(error),
    cause: typeof cause === 'string' ? cause : undefined,
    isBoom: field(error, 'isBoom') === true,
    phase,
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
