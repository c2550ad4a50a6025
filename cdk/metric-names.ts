/** Names of our own metrics (EMF), as functions and hosts log them and as alarms, scaling and dashboard read them. It imports nothing. */

/** One namespace per stage, so that stages in one account do not mix. */
export const metricNamespace = (stage: string) => `Pairplane/${stage}`

/** Without dimensions, unless something else is said. */
export const metricNames = {
  pairingRequested: 'PairingRequested',
  codeIssued: 'CodeIssued',
  phoneConfirmed: 'PhoneConfirmed',
  linked: 'Linked',
  /** Each failed attempt or refused request; with the dimension `code`. */
  pairingFailed: 'PairingFailed',
  /** Milliseconds from request to code. */
  timeToCode: 'TimeToCode',
  /** Milliseconds from request to connected. */
  timeToLink: 'TimeToLink',
  phoneMismatch: 'PhoneMismatch',
  /** Milliseconds. */
  cleanupTime: 'CleanupTime',
  cleanupFailed: 'CleanupFailed',
  /** Sessions of one host, each minute; the average over hosts is the load per task. */
  sessions: 'Sessions',
  reconnects: 'Reconnects',
  /** Shards taken by force from a host that stopped renewing. */
  leaseTakeovers: 'LeaseTakeovers',
} as const

/** Dimension of `pairingFailed`: one of our error codes. */
export const codeDimension = 'code'
