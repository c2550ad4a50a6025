/** Consequences of a closed WhatsApp socket: one table for sessions, one for attempts (R26). */
import type { ErrorCode } from '../values/errors.ts'

/**
 * Reason of a close, which the WhatsApp adapter reads from status, message and data. The status alone is ambiguous:
 * Baileys reports 408 for anything from DNS to "QR refs ended", and 401 for half-paired, banned and unlinked devices.
 */
export type CloseReason =
  /** A conflict of type `device_removed`: WhatsApp has removed this device (R46). */
  | 'removed'
  /** 401, 516, or a conflict of an unknown type: WhatsApp refuses the device, for good or for a day (R46). */
  | 'loggedOut'
  /** 402: restricted until a time, which `Close.until` has (R48). */
  | 'restrictedUntil'
  /** 403, 406: banned, locked. */
  | 'restricted'
  /** 405: WhatsApp wants a newer client. */
  | 'outdated'
  /** 440: another socket has logged in with the same credentials. */
  | 'replaced'
  /** 515: reopen with the same credentials. */
  | 'restart'
  /** 408, 428: the connection was lost, refused, cut or never answered. */
  | 'lost'
  /** 500, 503: WhatsApp has a failure of its own. */
  | 'unavailable'
  /** The QR refs ran out: the registration socket is at the end of its lifetime. */
  | 'refsEnded'
  /** Pair-success did not verify (HMAC, signature, missing identity). */
  | 'badLink'
  /** The server could not prove that it is WhatsApp. */
  | 'untrustedServer'
  /** 400, 409, 411 and the like: WhatsApp refuses this client. */
  | 'rejected'
  /** Pairplane closed it. */
  | 'closed'
  | 'unknown'

export type Close = {
  readonly reason: CloseReason
  /** Status code from Baileys, if there was one. */
  readonly status?: number
  /** Epoch ms at which a restriction ends; for `restrictedUntil` only. */
  readonly until?: number
  /** The library's own message, for logs, without phones and codes. */
  readonly detail: string
}

/** A linked session's reaction to a close. */
export type SessionVerdict =
  /** Reconnect with back-off. */
  | { readonly do: 'retry'; readonly code: ErrorCode }
  /** Reconnect at once. */
  | { readonly do: 'restart'; readonly code: ErrorCode }
  /** Reconnect if this host still owns the shard; otherwise the new owner has the session. */
  | { readonly do: 'retryIfOwner'; readonly code: ErrorCode }
  /** Log in once more after a moment; a second such close is a refusal, which keeps the credentials (R46). */
  | { readonly do: 'confirm'; readonly code: ErrorCode }
  /** Keep the credentials, do not reconnect, tell the clients. */
  | { readonly do: 'stop'; readonly code: ErrorCode }
  /** Retire the credentials: WhatsApp has removed the device. */
  | { readonly do: 'retire'; readonly code: ErrorCode }

export const sessionVerdicts: Readonly<Record<CloseReason, SessionVerdict>> = {
  removed: { do: 'retire', code: 'LOGGED_OUT' },
  loggedOut: { do: 'confirm', code: 'LOGGED_OUT' },
  restrictedUntil: { do: 'stop', code: 'ACCOUNT_RESTRICTED' },
  restricted: { do: 'stop', code: 'ACCOUNT_RESTRICTED' },
  outdated: { do: 'stop', code: 'CLIENT_OUTDATED' },
  replaced: { do: 'retryIfOwner', code: 'SESSION_REPLACED' },
  restart: { do: 'restart', code: 'WHATSAPP_UNAVAILABLE' },
  lost: { do: 'retry', code: 'WHATSAPP_UNAVAILABLE' },
  unavailable: { do: 'retry', code: 'WHATSAPP_UNAVAILABLE' },
  refsEnded: { do: 'retry', code: 'WHATSAPP_UNAVAILABLE' },
  badLink: { do: 'retry', code: 'WHATSAPP_UNAVAILABLE' },
  untrustedServer: { do: 'retry', code: 'WHATSAPP_UNAVAILABLE' },
  rejected: { do: 'retry', code: 'CLIENT_REJECTED' },
  closed: { do: 'retry', code: 'WHATSAPP_UNAVAILABLE' },
  unknown: { do: 'retry', code: 'WHATSAPP_UNAVAILABLE' },
}

/**
 * True for closes that confirm the removal of a device: WhatsApp no longer knows it. A refusal needs no confirmation here,
 * because nothing is lost if it was one for a day (R46).
 */
export const isUnlinkedBy = (reason: CloseReason): boolean => reason === 'removed' || reason === 'loggedOut'

/** True for closes to report although the session goes on: unknown reasons, and a server that is not WhatsApp. */
export const isUnexplained = (reason: CloseReason): boolean => reason === 'unknown' || reason === 'untrustedServer'

/** Error code of an attempt whose registration socket closed before pair-success. */
const pairingFailures: Readonly<Record<CloseReason, ErrorCode>> = {
  removed: 'CLIENT_REJECTED',
  loggedOut: 'CLIENT_REJECTED',
  restrictedUntil: 'ACCOUNT_RESTRICTED',
  restricted: 'ACCOUNT_RESTRICTED',
  outdated: 'CLIENT_OUTDATED',
  replaced: 'WHATSAPP_UNAVAILABLE',
  restart: 'WHATSAPP_UNAVAILABLE',
  lost: 'WHATSAPP_UNAVAILABLE',
  unavailable: 'WHATSAPP_UNAVAILABLE',
  refsEnded: 'CODE_EXPIRED',
  badLink: 'CLIENT_REJECTED',
  untrustedServer: 'WHATSAPP_UNAVAILABLE',
  rejected: 'CLIENT_REJECTED',
  closed: 'PAIRING_CANCELLED',
  unknown: 'WHATSAPP_UNAVAILABLE',
}

/** Error code of such an attempt. `isShown`: a code or QR was on screen, so that the end of the refs expires it. */
export const pairingFailure = (reason: CloseReason, isShown: boolean): ErrorCode =>
  reason === 'refsEnded' && !isShown ? 'WHATSAPP_UNAVAILABLE' : pairingFailures[reason]

/** Delay before a reconnect in ms: doubles from 1 s to 60 s. `jitter` is 0 to 1 and decides half of the delay. */
export function backOffMs(failures: number, jitter: number): number {
  const full = Math.min(60_000, 1000 * 2 ** Math.min(failures, 6))
  return full / 2 + (full / 2) * jitter
}
