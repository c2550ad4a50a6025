/** The settings of each stage: the one file to edit before a deploy. Plain data, so that it can be read without the CDK. */
import { maxShards } from '#shared/config/env.ts'
import { clientDefaults, maxCodeLifetimeSeconds, pairingDefaults } from '#shared/config/settings.ts'
import type { FunctionName } from '../functions/routes.ts'

/** A throttle of API Gateway: requests a second, and how many may come at once. */
type Throttle = { readonly rate: number; readonly burst: number }

/** Everything that differs between stages. */
export type StageConfig = {
  readonly name: string
  /** Command queues and leases, 64 at most. Part of every company's address: see docs/operations.md before changing it on a live stage. */
  readonly shards: number
  readonly hosts: {
    /** CPU units of Fargate; 1024 are one core. A burst of 50 pairings wants two cores (R44). */
    readonly cpu: 256 | 512 | 1024 | 2048 | 4096
    readonly memoryMb: number
    /** What a host is meant to carry: the fleet grows and shrinks towards this average. */
    readonly sessionsPerHost: number
    readonly min: number
    /** More hosts than shards would stand idle. */
    readonly max: number
  }
  /** `private-with-nat` is for firms whose policy forbids public addresses; it costs a NAT gateway per zone. */
  readonly network: 'public' | 'private-with-nat'
  /** Tables, key and secrets outlive their stack and refuse deletion, and no stack can be destroyed in passing. */
  readonly retainData: boolean
  readonly logRetentionDays: 7 | 30 | 90 | 365
  /** For each route; all messages of all clients are one. */
  readonly throttle: { readonly webSocket: Throttle; readonly http: Throttle }
  /** What one connection may send, and how many connections a company may have (R34). */
  readonly clients: { readonly messagesPerSecond: number; readonly connectionsPerCompany: number }
  /** By function. What is reserved is guaranteed to a function, and is also the most it gets; new accounts have none to give. */
  readonly reservedConcurrency: Readonly<Partial<Record<FunctionName, number>>>
  /** Origins of the marketplace's pages, for CORS. */
  readonly allowedOrigins: readonly string[]
  /** Who signs tokens (R30). Without a JWKS URL they are HS256 with the generated secret. */
  readonly tokens: { readonly issuer: string; readonly audience: string; readonly jwksUrl?: string }
  /** Custom domains; the certificate covers both names and lives in the region of the stage. */
  readonly domain?: { readonly webSocket: string; readonly http: string; readonly certificateArn: string }
  /** API Gateway needs one role per account and region to write WebSocket access logs; `false` where there is one. */
  readonly createsApiLogRole: boolean
  readonly pairing: {
    /** Region of phones typed without a country code (R1). */
    readonly defaultRegion: string
    readonly codeDeadlineSeconds: number
    readonly codeLifetimeSeconds: number
    readonly phoneChangePolicy: 'replace' | 'keep-until-linked'
    readonly codesPerPhone: number
    readonly codesPerCompany: number
    readonly budgetWindowSeconds: number
  }
  readonly sentryDsn?: string
  /** Where alarms go. */
  readonly alarmEmail?: string
}

const dev: StageConfig = {
  name: 'dev',
  shards: 16,
  hosts: { cpu: 256, memoryMb: 512, sessionsPerHost: 50, min: 1, max: 2 },
  network: 'public',
  retainData: false,
  logRetentionDays: 7,
  throttle: { webSocket: { rate: 100, burst: 200 }, http: { rate: 50, burst: 100 } },
  clients: clientDefaults,
  reservedConcurrency: {},
  allowedOrigins: ['http://localhost:3000'],
  tokens: { issuer: 'pairplane-dev', audience: 'pairplane' },
  createsApiLogRole: true,
  pairing: pairingDefaults,
}

const prod: StageConfig = {
  name: 'prod',
  shards: 16,
  hosts: { cpu: 2048, memoryMb: 4096, sessionsPerHost: 350, min: 2, max: 16 },
  network: 'public',
  retainData: true,
  logRetentionDays: 90,
  throttle: { webSocket: { rate: 500, burst: 1000 }, http: { rate: 100, burst: 200 } },
  clients: clientDefaults,
  // Attempts end in time whatever else runs; lists for the back office cannot crowd out pairings.
  reservedConcurrency: { watchdog: 20, sessions: 10, metrics: 5 },
  allowedOrigins: [],
  tokens: { issuer: 'pairplane', audience: 'pairplane' },
  createsApiLogRole: true,
  pairing: pairingDefaults,
}

export const stages: Readonly<Record<string, StageConfig>> = { dev, prod }

/** Reads the stage that the context (`-c stage=… -c shards=…`) asks for; throws an error that says what to do. */
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
  if (isNumberOfShards(shards)) return shards
  throw new Error(
    `shards=${String(override)} is no number of shards; give a whole number from 1 to ${maxShards}, e.g. -c shards=16`,
  )
}

const isNumberOfShards = (shards: number) => Number.isInteger(shards) && shards >= 1 && shards <= maxShards

/** What the types cannot say. */
function checked(stage: StageConfig): StageConfig {
  const problem = problemOf(stage)
  if (problem) throw new Error(`Stage ${stage.name}: ${problem} (cdk/stage.ts)`)
  return stage
}

function problemOf({ domain, hosts, shards, pairing: { codeLifetimeSeconds } }: StageConfig): string | undefined {
  if (domain && !/^arn:[\w-]+:acm:[\w-]+:\d{12}:certificate\/.+/.test(domain.certificateArn))
    return `the domain ${domain.webSocket} has no certificate: request one in ACM, in the region of the stage, and set domain.certificateArn`
  if (!isNumberOfShards(shards))
    return `${shards} is no number of shards: a stage has a whole number from 1 to ${maxShards}, since a role can name no more queues`
  if (hosts.min < 1 || hosts.max < hosts.min) return 'hosts.min must be at least 1 and at most hosts.max'
  if (hosts.min > shards)
    return `${hosts.min} hosts cannot share ${shards} shards: give at least as many shards as hosts`
  if (codeLifetimeSeconds > maxCodeLifetimeSeconds)
    return `pairing.codeLifetimeSeconds can be ${maxCodeLifetimeSeconds} at most: WhatsApp forgets the code at 160`
  return undefined
}
