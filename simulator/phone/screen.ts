/** The message that the phone shows after a code was typed or a QR scanned. */
export type Screen =
  | 'linked'
  | 'wrong code'
  | 'no pending request'
  | 'code expired'
  | 'unknown QR'
  | 'device limit reached'
  | 'passkey required'
  | 'could not link'
  | 'not entered'

/** Outcome of linking, as the phone shows it. */
export type LinkOutcome = {
  readonly screen: Screen
  /** The id of the new device, if one was linked. */
  readonly device?: number
}
