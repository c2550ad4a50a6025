/** What the phone shows its owner after a code was typed or a QR scanned. */
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

/** How linking ended, as seen on the phone. */
export type LinkOutcome = {
  readonly screen: Screen
  /** The new device, when there is one. */
  readonly device?: number
}
