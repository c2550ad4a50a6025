/** Environment schemas of functions and hosts, parsed once at start-up. Infrastructure is typed against their keys. */
import * as v from 'valibot'
import { sentryEntries, text, tokenEntries } from './authorizer-env.ts'
import { type Places, placesForm, readPlaces, writePlaces } from './fuse-windows.ts'
import {
  clientDefaults,
  fuseDefaults,
  hostDefaults,
  leaseTimes,
  maxCodeLifetimeSeconds,
  pairingDefaults,
} from './settings.ts'

export { AuthorizerEnv, parseEnv } from './authorizer-env.ts'

const integer = (min: number, max: number) =>
  v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number), v.minValue(min), v.maxValue(max))
/** A whole number; `fallback` when the variable is absent. */
const number = (fallback: number, min: number, max: number) => v.optional(integer(min, max), String(fallback))
/** Places of a window of the fuse; `fallback` when the variable is absent. */
const places = (fallback: Places) =>
  v.optional(
    v.pipe(v.string(), v.regex(placesForm, 'Expected a number and a percentage, e.g. 3,0.2%'), v.transform(readPlaces)),
    writePlaces(fallback),
  )
const region = v.pipe(v.string(), v.regex(/^[A-Z]{2}$/))

/** Limit of a stage's shards: a policy has at most 6,144 characters and names each queue. */
export const maxShards = 64

const firstQueueEnding = '-0.fifo'

const shardEntries = {
  /** URL of shard 0's queue, which ends in `-0.fifo`. The URLs of all shards would exceed a function's 4096 bytes. */
  SHARD_0_QUEUE_URL: v.pipe(v.string(), v.endsWith(firstQueueEnding)),
  SHARDS: integer(1, maxShards),
}

/** Returns one queue URL per shard, in the order of the shards: they differ from the first only in the number. */
export const shardQueueUrls = (env: {
  readonly SHARD_0_QUEUE_URL: string
  readonly SHARDS: number
}): readonly string[] =>
  Array.from(
    { length: env.SHARDS },
    (_, shard) => `${env.SHARD_0_QUEUE_URL.slice(0, -firstQueueEnding.length)}-${shard}.fifo`,
  )

/** Variables of functions and hosts: the table, the watchdog, the callback URL, the budget of codes (R24), leases. */
const companyEntries = {
  CONTROL_TABLE: text,
  /** Management endpoint of the WebSocket API, e.g. `https://id.execute-api.region.amazonaws.com/prod`. */
  CALLBACK_URL: text,
  WATCHDOG_QUEUE_URL: text,
  CODES_PER_PHONE: number(pairingDefaults.codesPerPhone, 1, 1000),
  /** Codes of a phone that another company has linked; above `CODES_PER_PHONE` it has no effect (R24). */
  CODES_PER_FOREIGN_PHONE: number(pairingDefaults.codesPerForeignPhone, 1, 1000),
  CODES_PER_COMPANY: number(pairingDefaults.codesPerCompany, 1, 1000),
  BUDGET_WINDOW_SECONDS: number(pairingDefaults.budgetWindowSeconds, 1, 86_400),
  /** ARN of the secret for the keyed hashes that budgets have instead of phones (R24). */
  PHONE_HASH_SECRET_ARN: text,
  LOG_LEVEL: v.optional(v.picklist(['debug', 'info', 'warn', 'error']), 'info'),
  /** Milliseconds after which an unrenewed lease is stale, to hosts and to readers (R27). */
  LEASE_STALE_MS: number(leaseTimes.staleMs, 200, 600_000),
  ...sentryEntries,
}

/** Environment of every function but the authorizer and health. */
export const ControlPlaneEnv = v.pipe(
  v.object({
    ...companyEntries,
    ...tokenEntries,
    ...shardEntries,
    /** Country of numbers that are typed without a calling code (R1). */
    DEFAULT_REGION: v.optional(region, pairingDefaults.defaultRegion),
    /** Seconds from request to code (R18). */
    CODE_DEADLINE_SECONDS: number(pairingDefaults.codeDeadlineSeconds, 1, 120),
    /**
     * Messages a connection may send in a second, HTTP requests a company or an administrator may make in a second, and
     * connections a company may have (R34).
     */
    MESSAGES_PER_SECOND: number(clientDefaults.messagesPerSecond, 1, 1000),
    HTTP_REQUESTS_PER_SECOND: number(clientDefaults.httpRequestsPerSecond, 1, 1000),
    CONNECTIONS_PER_COMPANY: number(clientDefaults.connectionsPerCompany, 1, 1000),
  }),
  v.transform((env) => ({ ...env, SHARD_QUEUE_URLS: shardQueueUrls(env) })),
)
export type ControlPlaneEnv = v.InferOutput<typeof ControlPlaneEnv>

export const HealthEnv = v.object({ BUILD_VERSION: sentryEntries.BUILD_VERSION })

/** Environment of a socket host. */
export const SocketHostEnv = v.pipe(
  v.object({
    ...companyEntries,
    CREDENTIALS_TABLE: text,
    ...shardEntries,
    CREDENTIALS_KEY_ARN: text,
    /** Seconds for which a code is valid (R19). */
    CODE_LIFETIME_SECONDS: number(pairingDefaults.codeLifetimeSeconds, 1, maxCodeLifetimeSeconds),
    /** `replace`: the old phone's credentials are retired when an attempt is accepted; else when it is linked (R8). */
    PHONE_CHANGE_POLICY: v.optional(v.picklist(['replace', 'keep-until-linked']), pairingDefaults.phoneChangePolicy),
    /** Milliseconds between renewals of a shard's lease (R27). */
    LEASE_RENEW_MS: number(leaseTimes.renewMs, 50, 60_000),
    /** Loopback port of the health endpoint; 0 takes a free one. */
    HEALTH_PORT: number(hostDefaults.healthPort, 0, 65_535),
    /** Seconds that a stopping host gives its running attempts before it hands over (R28). */
    DRAIN_SECONDS: number(hostDefaults.drainSeconds, 1, 110),
    /** Number of sessions per host at which auto scaling aims (R49). */
    SESSIONS_PER_HOST: number(hostDefaults.sessionsPerHost, 1, 100_000),
    /** Places of the fuse in five minutes and in a day, e.g. `3,0.2%` (R46). */
    FUSE_PER_FIVE_MINUTES: places(fuseDefaults.fiveMinutes),
    FUSE_PER_DAY: places(fuseDefaults.day),
    /** Name of this host in leases and logs; generated at start-up when absent. */
    HOST_ID: v.optional(text),
  }),
  v.check(
    (env) => env.LEASE_RENEW_MS * 3 <= env.LEASE_STALE_MS,
    'LEASE_RENEW_MS must be at most a third of LEASE_STALE_MS',
  ),
  v.transform((env) => ({ ...env, SHARD_QUEUE_URLS: shardQueueUrls(env) })),
)
export type SocketHostEnv = v.InferOutput<typeof SocketHostEnv>
