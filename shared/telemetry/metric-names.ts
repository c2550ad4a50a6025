/** Names of our own metrics (EMF), as functions and hosts log them and as alarms, scaling and dashboard read them. It imports nothing. */

/** One namespace per stage, so that stages in one account do not mix. */
export const metricNamespace = (stage: string) => `Pairplane/${stage}`

/** Without dimensions, unless something else is said. */
export const metricNames = {
  pairingRequested: 'PairingRequested',
  codeIssued: 'CodeIssued',
  /** Each time that a phone answers a code: a mistyped one and its correction are two. */
  phoneConfirmed: 'PhoneConfirmed',
  linked: 'Linked',
  /** Each failed attempt, refused request, or session that WhatsApp stopped; with the dimension `code`. */
  pairingFailed: 'PairingFailed',
  /** Milliseconds from request to code. */
  timeToCode: 'TimeToCode',
  /** Milliseconds from request to connected. */
  timeToLink: 'TimeToLink',
  /** Another phone was asked for than the one that is linked. */
  phoneMismatch: 'PhoneMismatch',
  /** Milliseconds from the retirement of credentials until WhatsApp has removed their device, or we gave up. */
  cleanupTime: 'CleanupTime',
  /** Sweeps of retired rows that failed and are tried again. */
  cleanupFailed: 'CleanupFailed',
  /** Devices of retired credentials whose removal WhatsApp has not confirmed in time. */
  unlinkUnconfirmed: 'UnlinkUnconfirmed',
  /** Sessions of one host, each minute; the average over hosts is the load per task. */
  sessions: 'Sessions',
  /** Sessions that were connected and had to be opened again. */
  reconnects: 'Reconnects',
  /** Shards taken by force from a host that stopped renewing. */
  leaseTakeovers: 'LeaseTakeovers',
} as const

/** Dimension of `pairingFailed`: one of our error codes. */
export const codeDimension = 'code'

/** What the authorizer logs when it can neither allow nor refuse; an alarm looks for it. */
export const tokenCheckFailed = 'A token could not be checked'
