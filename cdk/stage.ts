/** The settings of each stage: the only file to edit before a deploy. It is plain data that can be read without the CDK. */
import { maxShards } from '#shared/config/env.ts'
import { arePlaces, type Places, writePlaces } from '#shared/config/fuse-windows.ts'
import { jwksUrlPattern, jwksUrlRule } from '#shared/config/jwks-url.ts'
import {
  clientDefaults,
  fuseDefaults,
  hostDefaults,
  maxCodeLifetimeSeconds,
  pairingDefaults,
} from '#shared/config/settings.ts'
import { maxTimesLimit } from '#shared/dynamo/table.ts'
import type { FunctionName } from '../functions/routes.ts'

/** A throttle of API Gateway: average requests per second, and the size of a burst. */
type Throttle = { readonly rate: number; readonly burst: number }

/** Settings of a stage: everything that differs between stages. */
export type StageConfig = {
  readonly name: string
  /**
   * Number of command queues and leases, 64 at most. It decides the shard of every company: see docs/operations.md before
   * changing it on a deployed stage.
   */
  readonly shards: number
  readonly hosts: {
    /** CPU units of Fargate; 1024 are one core, which is all that a host can use: it is one thread. */
    readonly cpu: 256 | 512 | 1024 | 2048 | 4096
    readonly memoryMb: number
    /** Target number of sessions per host: the fleet grows and shrinks towards this average. */
    readonly sessionsPerHost: number
    readonly min: number
    /** Auto scaling starts no more hosts than there are shards: the others would be idle. */
    readonly max: number
  }
  /** `private-with-nat` is for organisations whose policy forbids public addresses; it costs a NAT gateway per zone. */
  readonly network: 'public' | 'private-with-nat'
  /**
   * Tables, key and secrets outlive their stack, the tables are protected from deletion, and the stacks from
   * termination.
   */
  readonly retainData: boolean
  readonly logRetentionDays: 7 | 30 | 90 | 365
  /**
   * Limits of each route; all messages of all clients share one route. They must be above what one company may send
   * (`clients`), and in production several times that: API Gateway throttles all companies together.
   */
  readonly throttle: { readonly webSocket: Throttle; readonly http: Throttle }
  /**
   * Limits of the messages of a connection, of the HTTP requests of a company or an administrator, and of the
   * connections of a company (R34).
   */
  readonly clients: {
    readonly messagesPerSecond: number
    readonly httpRequestsPerSecond: number
    readonly connectionsPerCompany: number
  }
  /** Reserved concurrency by function: both guaranteed and a maximum. New accounts have none to reserve. */
  readonly reservedConcurrency: Readonly<Partial<Record<FunctionName, number>>>
  /** Origins of the marketplace's pages, for CORS. */
  readonly allowedOrigins: readonly string[]
  /**
   * Issuer and audience of tokens, and the URL of the signing keys (R30). Without `jwksUrl`, tokens are signed with
   * HS256 and the generated secret.
   */
  readonly tokens: { readonly issuer: string; readonly audience: string; readonly jwksUrl?: string }
  /** Custom domains. The certificate must cover both names and be in the region of the stage. */
  readonly domain?: { readonly webSocket: string; readonly http: string; readonly certificateArn: string }
  /**
   * Creates the role that API Gateway needs, once per account and region, to write WebSocket access logs; `false` where
   * it exists.
   */
  readonly createsApiLogRole: boolean
  readonly pairing: {
    /** Region of phone numbers that are typed without a country code (R1). */
    readonly defaultRegion: string
    readonly codeDeadlineSeconds: number
    readonly codeLifetimeSeconds: number
    readonly phoneChangePolicy: 'replace' | 'keep-until-linked'
    readonly codesPerPhone: number
    /** Codes of a phone that another company has linked: the rest is for that company (R24). */
    readonly codesPerForeignPhone: number
    readonly codesPerCompany: number
    readonly budgetWindowSeconds: number
  }
  /** Limits of the links that end because WhatsApp says so; beyond them sessions stop and keep their links (R46). */
  readonly fuse: { readonly fiveMinutes: Places; readonly day: Places }
  readonly sentryDsn?: string
  /** Address that alarms are sent to. */
  readonly alarmEmail?: string
}

const dev: StageConfig = {
  name: 'dev',
  shards: 16,
  hosts: { cpu: 256, memoryMb: 512, sessionsPerHost: 50, min: 1, max: 2 },
  network: 'public',
  retainData: false,
  logRetentionDays: 7,
  throttle: { webSocket: { rate: 500, burst: 500 }, http: { rate: 200, burst: 400 } },
  clients: clientDefaults,
  reservedConcurrency: {},
  allowedOrigins: ['http://localhost:3000'],
  tokens: { issuer: 'pairplane-dev', audience: 'pairplane' },
  createsApiLogRole: true,
  pairing: pairingDefaults,
  fuse: fuseDefaults,
}

const prod: StageConfig = {
  name: 'prod',
  shards: 16,
  hosts: { cpu: 1024, memoryMb: 2048, sessionsPerHost: hostDefaults.sessionsPerHost, min: 2, max: 16 },
  network: 'public',
  retainData: true,
  logRetentionDays: 90,
  throttle: { webSocket: { rate: 2000, burst: 4000 }, http: { rate: 500, burst: 1000 } },
  clients: clientDefaults,
  // The watchdog must end attempts in time whatever else runs, and lists for the back office must not take capacity
  // from pairings.
  reservedConcurrency: { watchdog: 20, sessions: 10, metrics: 5 },
  allowedOrigins: [],
  tokens: { issuer: 'pairplane', audience: 'pairplane' },
  createsApiLogRole: true,
  pairing: pairingDefaults,
  fuse: fuseDefaults,
}

export const stages: Readonly<Record<string, StageConfig>> = { dev, prod }

/**
 * Size of a host's heap, in MB. Node's default is about half of the memory; a quarter is left for buffers and everything
 * else outside the heap.
 */
export const heapMb = ({ hosts }: Pick<StageConfig, 'hosts'>): number => Math.floor(hosts.memoryMb * 0.75)

/** Reads the stage that the context names (`-c stage=… -c shards=…`). Throws an error that says what to correct. */
export function readStage(context: (key: string) => unknown): StageConfig {
  const known = Object.keys(stages).join(', ')
  const name = context('stage')
  if (typeof name !== 'string' || name === '') throw new Error(`Name the stage, e.g. -c stage=dev (known: ${known})`)
  const stage = Object.hasOwn(stages, name) ? stages[name] : undefined
  if (!stage) throw new Error(`There is no stage "${name}" (known: ${known}); add it to cdk/stage.ts`)
  return checked({ ...stage, shards: readShards(context('shards'), stage.shards) })
}

function readShards(override: unknown, fallback: number): number {
  if (override === undefined) return fallback
  const shards = Number(override)
  if (isShardCount(shards)) return shards
  throw new Error(
    `shards=${String(override)} is not a valid shard count; give a whole number from 1 to ${maxShards}, e.g. -c shards=16`,
  )
}

const isShardCount = (shards: number) => Number.isInteger(shards) && shards >= 1 && shards <= maxShards

/** Returns the stage; throws when its settings contradict each other in a way that the types cannot express. */
function checked(stage: StageConfig): StageConfig {
  const problem = problemOf(stage)
  if (problem) throw new Error(`Stage ${stage.name}: ${problem} (cdk/stage.ts)`)
  return stage
}

/** Returns a sentence about the first wrong setting, if there is one. */
export function problemOf(stage: StageConfig): string | undefined {
  const { domain, hosts, shards, fuse, tokens, pairing, throttle, clients } = stage
  if (domain && !/^arn:[\w-]+:acm:[\w-]+:\d{12}:certificate\/.+/.test(domain.certificateArn))
    return `the domain ${domain.webSocket} has no certificate: request one in ACM, in the region of the stage, and set domain.certificateArn`
  if (!isShardCount(shards))
    return `${shards} is not a valid shard count: a stage has from 1 to ${maxShards} shards, because the policies of a role have no room for more queues`
  if (hosts.min < 1 || hosts.max < hosts.min) return 'hosts.min must be at least 1 and at most hosts.max'
  if (hosts.min > shards)
    return `${hosts.min} hosts cannot share ${shards} shards: give at least as many shards as hosts`
  const wrongPlaces = [fuse.fiveMinutes, fuse.day].find((places) => !arePlaces(places))
  if (wrongPlaces)
    return `fuse has ${writePlaces(wrongPlaces)}: give a whole number below a million, and a percentage below 100 with three decimals at most`
  const maxMessages = maxTimesLimit * clients.connectionsPerCompany * clients.messagesPerSecond
  if (throttle.webSocket.rate <= maxMessages)
    return `throttle.webSocket.rate must be above ${maxMessages}, which is what one company may send: otherwise it silences the others, and its floods are not seen`
  if (pairing.codesPerForeignPhone > pairing.codesPerPhone)
    return `pairing.codesPerForeignPhone can be ${pairing.codesPerPhone} at most, as many as codesPerPhone`
  if (tokens.jwksUrl !== undefined && !jwksUrlPattern.test(tokens.jwksUrl))
    return `tokens.jwksUrl is refused by the functions: ${jwksUrlRule}`
  if (pairing.codeLifetimeSeconds > maxCodeLifetimeSeconds)
    return `pairing.codeLifetimeSeconds can be ${maxCodeLifetimeSeconds} at most: WhatsApp forgets the code at 160`
  return undefined
}
