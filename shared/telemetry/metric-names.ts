/** Names of Pairplane's metrics (EMF), for functions and hosts, alarms, scaling and dashboard. It imports nothing. */

/** Namespace of a stage, so that stages in one account do not mix. */
export const metricNamespace = (stage: string) => `Pairplane/${stage}`

/** Names of the metrics; without dimensions unless the comment names one. */
export const metricNames = {
  pairingRequested: 'PairingRequested',
  codeIssued: 'CodeIssued',
  /** Answers of phones to a code: a mistyped code and its correction count as two. */
  phoneConfirmed: 'PhoneConfirmed',
  linked: 'Linked',
  /** Failed attempts, refused requests, and sessions that ended with a code of level `error`; dimension `code`. */
  pairingFailed: 'PairingFailed',
  /** Milliseconds from request to code. */
  timeToCode: 'TimeToCode',
  /** Milliseconds from request to connected. */
  timeToLink: 'TimeToLink',
  /** Requests for another phone than the linked one. */
  phoneMismatch: 'PhoneMismatch',
  /** Milliseconds from the retirement of credentials until their device was removed or given up. */
  cleanupTime: 'CleanupTime',
  /** Sweeps of retired rows that failed and will be repeated. */
  cleanupFailed: 'CleanupFailed',
  /** Links that WhatsApp has ended and that are kept, because the fuse had no place (R46). */
  fuseRefused: 'FuseRefused',
  /** Reads of stored credentials that this build or its settings cannot read (R47). */
  credentialsUnreadable: 'CredentialsUnreadable',
  /** Devices of retired credentials whose removal WhatsApp did not confirm in time. */
  unlinkUnconfirmed: 'UnlinkUnconfirmed',
  /** Sessions of a host, each minute; the average over hosts is the load per task. */
  sessions: 'Sessions',
  /** Connected sessions that closed and had to be reopened. */
  reconnects: 'Reconnects',
  /** Shards taken by force from a host that stopped renewing. */
  leaseTakeovers: 'LeaseTakeovers',
} as const

/** Dimension of `pairingFailed`: an error code. */
export const codeDimension = 'code'

/** Log message of the authorizer when it can neither allow nor refuse a token; an alarm filters for it. */
export const tokenCheckFailed = 'A token could not be checked'
