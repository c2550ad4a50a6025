import type { Connection } from '../wire/connection.ts'

/**
 * What an honest service would notice a client doing wrong:
 *
 * - `bad-stream`, `bad-stanza`, `unexpected-stanza`, `unknown-routing-info`: it does not speak the protocol
 * - `registration-payload`, `login-payload`, `bad-prekey-signature`, `prekey-upload`: malformed keys or payloads
 * - `prekey-ids-again`: credentials that were rolled back, or lost and made anew
 * - `registration-with-linked-keys`, `same-keys-on-two-sockets`: keys of a device, or of another attempt, used again
 * - `login-half-paired`, `login-never-linked`, `login-wrong-noise-key`: a login without a link
 * - `device-online-twice`: a second login while the first is alive
 * - `hello-*`, `finish-*`: the steps of linking by code
 * - `qr-and-code-on-one-socket`, `qr-of-other-keys`: the steps of linking by QR
 * - `bad-device-signature`, `removes-other-device`
 * - `accepted-forged-certificate`, `accepted-forged-account`: it went on where it had to hang up
 */
export type ViolationKind =
  | 'bad-stream'
  | 'bad-stanza'
  | 'unexpected-stanza'
  | 'unknown-routing-info'
  | 'registration-payload'
  | 'registration-with-linked-keys'
  | 'same-keys-on-two-sockets'
  | 'login-payload'
  | 'login-half-paired'
  | 'login-never-linked'
  | 'login-wrong-noise-key'
  | 'device-online-twice'
  | 'bad-prekey-signature'
  | 'prekey-upload'
  | 'prekey-ids-again'
  | 'hello-malformed'
  | 'hello-before-pair-device'
  | 'hello-jid-not-digits'
  | 'hello-noise-key-mismatch'
  | 'hello-display-not-canonical'
  | 'hello-while-pending'
  | 'hello-while-pending-elsewhere'
  | 'finish-malformed'
  | 'finish-unasked'
  | 'finish-identity-mismatch'
  | 'qr-and-code-on-one-socket'
  | 'qr-of-other-keys'
  | 'bad-device-signature'
  | 'removes-other-device'
  | 'accepted-forged-certificate'
  | 'accepted-forged-account'

/** One violation, with the connection on which it was seen. */
export type Violation = {
  readonly kind: ViolationKind
  readonly detail: string
  readonly connection: number
  readonly phone?: string
  readonly at: string
}

/** Every violation counted by kind, and the last of them in detail. */
export type ViolationLog = {
  readonly counts: Map<ViolationKind, number>
  readonly latest: Violation[]
}

/** Where violations are recorded and reported. */
type ViolationRecorder = {
  readonly violations: ViolationLog
  readonly emit: (event: { readonly type: 'violation'; readonly violation: Violation }) => void
}

const maxLatest = 200

/** Notes that a client broke the rules. */
export function recordViolation(
  recorder: ViolationRecorder,
  connection: Connection,
  kind: ViolationKind,
  detail: string,
  phone?: string,
) {
  const violation = {
    kind,
    detail,
    connection: connection.id,
    ...(phone === undefined ? {} : { phone }),
    at: new Date().toISOString(),
  }
  const { counts, latest } = recorder.violations
  counts.set(kind, (counts.get(kind) ?? 0) + 1)
  latest.push(violation)
  if (latest.length > maxLatest) latest.shift()
  recorder.emit({ type: 'violation', violation })
}
