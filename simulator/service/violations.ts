import type { Connection } from '../wire/connection.ts'

/**
 * Violations of the protocol by a client:
 *
 * - `bad-stream`, `bad-stanza`, `unexpected-stanza`, `unknown-routing-info`: bytes or stanzas that do not fit
 * - `registration-payload`, `login-payload`, `bad-prekey-signature`, `prekey-upload`: malformed keys or payloads
 * - `prekey-ids-again`: pre-key ids that were used before, from credentials that were rolled back or made anew
 * - `registration-with-linked-keys`, `same-keys-on-two-sockets`: keys of a device or of another attempt, used again
 * - `login-half-paired`, `login-never-linked`, `login-wrong-noise-key`: a login without a link
 * - `device-online-twice`: a login while the device's previous connection is alive
 * - `hello-*`, `finish-*`: faults in the steps of linking by code
 * - `qr-and-code-on-one-socket`, `qr-of-other-keys`: faults in the steps of linking by QR
 * - `bad-device-signature`: `pair-device-sign` does not verify
 * - `removes-other-device`: a device asks to remove another one
 * - `accepted-forged-certificate`, `accepted-forged-account`: the client went on where it should have hung up
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

/** One violation. `connection` is the id of the connection on which it was seen, `at` the time in ISO 8601. */
export type Violation = {
  readonly kind: ViolationKind
  readonly detail: string
  readonly connection: number
  readonly phone?: string
  readonly at: string
}

/** The number of violations by kind, and the latest of them in detail. */
export type ViolationLog = {
  readonly counts: Map<ViolationKind, number>
  readonly latest: Violation[]
}

/** The log of violations, and the listener that they are reported to. */
type ViolationRecorder = {
  readonly violations: ViolationLog
  readonly emit: (event: { readonly type: 'violation'; readonly violation: Violation }) => void
}

const maxLatest = 200

/** Counts and reports a violation. */
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
