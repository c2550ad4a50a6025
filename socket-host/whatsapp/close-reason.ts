/**
 * Translates a close of Baileys into a `CloseReason`, from status, message, data and phase. No other file does (R26).
 */
import type { Close, CloseReason } from '#shared/domain/session/disconnect.ts'

/** Progress of a socket up to its close. */
export type SocketPhase =
  /** The Noise handshake is not over: the server has not proved its identity. */
  | 'handshake'
  /** A registration that is not linked yet: a QR or a code is on screen, or soon will be. */
  | 'registering'
  /** After pair-success; WhatsApp closes the socket next. */
  | 'linked'
  /** A login, accepted or not yet. */
  | 'session'

type Facts = {
  readonly status: number | undefined
  readonly message: string
  /** `code` of the network or TLS error underneath. */
  readonly cause: string | undefined
  /** Attributes of the stanza with which WhatsApp has closed the stream. */
  readonly attributes: Readonly<Record<string, unknown>>
  readonly isBoom: boolean
  readonly phase: SocketPhase
}

type Rule = { readonly when: (facts: Facts) => boolean; readonly reason: CloseReason }

/** OpenSSL's and Node's codes for a certificate that does not verify. */
const tlsRefusal = /^(DEPTH_ZERO|SELF_SIGNED|CERT_|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/

/** Rules in order, most specific first. The status decides only when no rule applies. */
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
  // A server hello that does not decrypt or parse shows as a plain error of Node or of the parser, not as a Boom.
  { when: ({ isBoom, phase }) => !isBoom && phase === 'handshake', reason: 'untrustedServer' },
  // Pair-success is the only stanza whose parse errors Baileys turns into a close.
  { when: ({ isBoom, phase }) => !isBoom && phase === 'registering', reason: 'badLink' },
  { when: ({ message }) => message.startsWith('WebSocket Error'), reason: 'lost' },
  // Baileys gives every conflict without a code 440. Its type says whether another socket or a removal caused it (R46).
  { when: ({ attributes }) => attributes['type'] === 'device_removed', reason: 'removed' },
  { when: ({ status, attributes }) => status === 440 && isUnknownConflict(attributes), reason: 'loggedOut' },
  // Before the link a 401 cannot mean that the device was removed: WhatsApp rejects the registration itself.
  { when: ({ status, phase }) => status === 401 && phase === 'registering', reason: 'rejected' },
]

/** Baileys' status codes. They equal WhatsApp's failure reasons and stream error codes, where WhatsApp has one. */
const reasonOfStatus: Readonly<Record<number, CloseReason>> = {
  400: 'rejected',
  401: 'loggedOut',
  402: 'restrictedUntil',
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
  516: 'loggedOut',
}

const isUnknownConflict = ({ type }: Facts['attributes']): boolean => type !== undefined && type !== 'replaced'

/** Limit of a restriction that is believed; a longer one counts as a day, and so does one without a number (R48). */
const maxRestrictionSeconds = 30 * 24 * 3600
const dayMs = 24 * 3_600_000

/** Returns the epoch ms at which a restriction ends. `expire` is in seconds from now. */
function restrictionEnd({ expire }: Facts['attributes'], now: number): number {
  const seconds = Number(expire)
  return seconds > 0 && seconds <= maxRestrictionSeconds ? now + seconds * 1000 : now + dayMs
}

/**
 * Returns the close that an error of `lastDisconnect` means; `now` is epoch ms. Without an error we ended the socket.
 */
export function closeOf(error: unknown, phase: SocketPhase, now: number): Close {
  if (error === undefined) return { reason: 'closed', detail: 'ended' }
  const facts = factsOf(error, phase)
  const reason = rules.find(({ when }) => when(facts))?.reason ?? reasonOfStatus[facts.status ?? 0] ?? 'unknown'
  return {
    reason,
    detail: printable(facts.message),
    ...(facts.status !== undefined && { status: facts.status }),
    ...(reason === 'restrictedUntil' && { until: restrictionEnd(facts.attributes, now) }),
  }
}

/**
 * Close after WhatsApp's front end refused the WebSocket upgrade with an HTTP status, which Baileys does not report.
 */
export const refusedUpgrade = (status: number): Close => ({
  reason: 'unavailable',
  status,
  detail: `HTTP ${status} on the WebSocket upgrade`,
})

/** Close that this host has decided on. */
export const ownClose = (reason: CloseReason, detail: string): Close => ({ reason, detail: printable(detail) })

/** Makes text of a library fit for a log line: at most 200 characters, phones and keys replaced (R5). */
export const printable = (words: string): string =>
  words
    .replace(/[A-Za-z0-9+/=]{32,}/g, '***')
    .replace(/\d{7,}/g, '***')
    .slice(0, 200)

/** Message of a thrown value, fit for a log line. */
export const messageOf = (error: unknown): string => printable(error instanceof Error ? error.message : String(error))

function factsOf(error: unknown, phase: SocketPhase): Facts {
  const output = field(error, 'output')
  const status = field(output, 'statusCode')
  const data = field(error, 'data')
  const cause = field(data, 'code')
  // A failure has its attributes as `data`, a stream error the stanza itself.
  const attrs = field(data, 'attrs') ?? data
  return {
    status: typeof status === 'number' ? status : undefined,
    message: error instanceof Error ? error.message : String(error),
    cause: typeof cause === 'string' ? cause : undefined,
    attributes: typeof attrs === 'object' && attrs !== null ? { ...attrs } : {},
    isBoom: field(error, 'isBoom') === true,
    phase,
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
