/** Numbers on which functions, hosts, environment schemas and infrastructure must agree. It imports nothing. */

/** Defaults of pairing (R1, R8, R18, R19, R24). */
export const pairingDefaults = {
  defaultRegion: 'RU',
  codeDeadlineSeconds: 20,
  codeLifetimeSeconds: 50,
  phoneChangePolicy: 'replace',
  codesPerPhone: 5,
  codesPerForeignPhone: 3,
  codesPerCompany: 10,
  budgetWindowSeconds: 600,
} as const

/** Limit of a code's lifetime. WhatsApp forgets a code with its socket, at 160 s; 10 s remain for a late phone. */
export const maxCodeLifetimeSeconds = 150

/** Default limits of clients (R34). */
export const clientDefaults = { messagesPerSecond: 20, httpRequestsPerSecond: 20, connectionsPerCompany: 10 } as const

/** Time between renewals of a lease, and without one until it is stale (R27). Readers and hosts must agree. */
export const leaseTimes = { renewMs: 3_000, staleMs: 10_000 } as const

/** Defaults of hosts. */
export const hostDefaults = {
  /** Loopback port of the health endpoint; nothing outside the container reaches it. */
  healthPort: 8080,
  /**
   * Time for a stopping host's attempts: 90 s for a code on screen (R28), ten more for one that is on its way or typed
   * late. The rest of Fargate's 120 s is for storing keys and releasing leases.
   */
  drainSeconds: 100,
  /** On one core and 2 GB, by `npm run bench -- salon-day`; a host must also bear the sessions of another that dies. */
  sessionsPerHost: 1000,
} as const

/**
 * Default limits of the links that end because WhatsApp says so (R46): at most `least` in that time, or that percentage
 * of the sessions that the fleet holds if it is more.
 */
export const fuseDefaults = { fiveMinutes: { least: 3, percent: 0.2 }, day: { least: 20, percent: 2 } } as const

/** Queues of the shards: longest poll, and time for which an unacknowledged command blocks its company's next. */
export const commandQueue = { waitSeconds: 20, visibilitySeconds: 5 } as const
