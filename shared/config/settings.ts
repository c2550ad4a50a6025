/**
 * Numbers that more than one side must agree on: functions, hosts, the schemas of their environment and the infrastructure all
 * read them here. It imports nothing.
 */

/** Pairing in a stage that says nothing else (R1, R8, R18, R19, R24). */
export const pairingDefaults = {
  defaultRegion: 'RU',
  codeDeadlineSeconds: 20,
  codeLifetimeSeconds: 50,
  phoneChangePolicy: 'replace',
  codesPerPhone: 5,
  codesPerCompany: 10,
  budgetWindowSeconds: 600,
} as const

/** WhatsApp forgets a code with its socket, at 160 s; the rest is for a phone that answers at the last moment. */
export const maxCodeLifetimeSeconds = 150

/** Limits of clients in a stage that says nothing else (R34). */
export const clientDefaults = { messagesPerSecond: 20, connectionsPerCompany: 10 } as const

/** Leases are renewed so often, and count as stale after so long without; readers that disagreed with hosts would show the dead as alive (R27). */
export const leaseTimes = { renewMs: 3_000, staleMs: 10_000 } as const

export const hostDefaults = {
  /** Loopback port of the health endpoint; nothing outside the container reaches it. */
  healthPort: 8080,
  /** A stopping host's time for its attempts; the rest of Fargate's 120 s is for flushing keys and releasing leases. */
  drainSeconds: 90,
  /** The process has been measured with these (R28, R44). */
  reconnectsPerSecond: 5,
  attemptsPerSecond: 2,
} as const

/** The queues of the shards: the longest that SQS waits for a command, and how long one that is not acknowledged locks its company. */
export const commandQueue = { waitSeconds: 20, visibilitySeconds: 5 } as const
