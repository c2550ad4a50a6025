/** Starts the cloud's socket hosts, and lists their shards and sessions. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { credentialsOf } from '../invoke/lambda.ts'
import type { Log } from '../invoke/outcome.ts'
import type { Clients } from '../services/clients.ts'
import { type Endpoints, endpointVariables } from '../services/services.ts'
import type { Cloud, Container } from '../template/cloud.ts'
import type { WhatsAppService } from '../whatsapp-service.ts'
import { type Fleet, startFleet } from './fleet.ts'
import type { HostProcess } from './host-process.ts'
import { sessionsOf, shardLeases } from './leases.ts'
import { restOf, type ShardLease } from './rest.ts'

export type HostOptions = {
  readonly cloud: Cloud
  readonly clients: Clients
  readonly endpoints: Endpoints
  readonly whatsapp: WhatsAppService
  readonly count: number
  readonly restarts: boolean
  readonly log: Log
}

/** A host as `GET /dev/hosts` shows it. */
export type HostView = {
  readonly hostId: string
  readonly pid: number | undefined
  readonly shards: readonly number[]
  /**
   * Number of sessions in the host's last heartbeat, which it wrote at `sessionsAt` (ISO time), within a second of each
   * change.
   */
  readonly sessions: number
  readonly sessionsAt?: string
}

export type Hosts = {
  /**
   * Resolves when every shard is owned by one of the hosts and none is about to be handed over; rejects when a host ends
   * before that.
   */
  ready(signal: AbortSignal): Promise<void>
  list(): Promise<readonly HostView[]>
  /** The running processes: what is known without the table. */
  processes(): readonly HostProcess[]
  /** Changes the number of hosts: more are started, or the last ones get SIGTERM and are not replaced. */
  scale(count: number): void
  /** Sets variables of hosts that start from now on, as a deployment does; those of an earlier call are forgotten. */
  deploy(environment: Readonly<Record<string, string>>): void
  stop(): Promise<void>
  killAll(): void
}

const pollMs = 50
/** Time for which the shards must stay as they are while a request for one is left: hosts look at them more often. */
const settleMs = 500
/** Time limit of the start. Leases of a killed run become stale after 10 s; the rest is for a busy machine. */
const readyTimeoutMs = 120_000
/** Time for which a stopping host waits for attempts: shorter than on AWS, where it is up to 100 s. */
const drainSeconds = 10

/** Starts the hosts. With a count of 0, commands stay in their queues. */
export function startHosts(options: HostOptions): Hosts {
  return options.count === 0 ? noHosts : startSome(options)
}

const noHosts: Hosts = {
  ready: async () => undefined,
  list: async () => [],
  processes: () => [],
  scale: () => {
    throw new Error('A run that was started without hosts has no fleet')
  },
  deploy: () => undefined,
  stop: async () => undefined,
  killAll: () => undefined,
}

function startSome(options: HostOptions): Hosts {
  const container = onlyContainer(options.cloud)
  const table = container.environment['CONTROL_TABLE'] ?? ''
  const shards = Number(container.environment['SHARDS'] ?? 0)
  let deployed: Readonly<Record<string, string>> = {}
  const fleet = startFleet({
    container,
    count: options.count,
    env: (hostId) => ({ ...hostEnvironment(container, hostId, options), ...deployed }),
    preloads: options.whatsapp.preloads,
    restarts: options.restarts,
    log: options.log,
  })
  const client = options.clients.dynamodb
  return {
    async ready(signal) {
      const over = new AbortController()
      const rest = allAtRest(client, table, shards, fleet, AbortSignal.any([signal, over.signal]))
      try {
        await Promise.race([rest, fleet.failedStart])
        fleet.declareHealthy()
      } finally {
        over.abort()
        // Its last read of the table must end before the engine is stopped.
        await Promise.allSettled([rest])
      }
    },
    list: () => describeHosts(client, table, shards, fleet),
    processes: fleet.hosts,
    scale: fleet.scale,
    deploy: (environment) => {
      deployed = environment
    },
    stop: fleet.stop,
    killAll: fleet.killAll,
  }
}

/**
 * Passes this process's cache of compiled code on to the hosts: without it each would compile the same three megabytes
 * again.
 */
const { NODE_COMPILE_CACHE } = process.env
const compileCache = { ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }) }

function hostEnvironment(container: Container, hostId: string, options: HostOptions): Record<string, string> {
  const drain = Math.min(drainSeconds, Number(container.environment['DRAIN_SECONDS'] ?? drainSeconds))
  return {
    PATH: process.env['PATH'] ?? '',
    ...compileCache,
    ...credentialsOf(container),
    ...endpointVariables(options.endpoints),
    ...container.environment,
    DRAIN_SECONDS: String(drain),
    HEALTH_PORT: '0',
    ...options.whatsapp.hostEnvironment(hostId),
  }
}

/** Waits until every shard is owned by a host of this run, and none is about to be handed over. */
async function allAtRest(
  client: DynamoDBClient,
  table: string,
  shards: number,
  fleet: Fleet,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now()
  let settlingSince: number | undefined
  for (;;) {
    const leases = await shardLeases(client, table, shards)
    const hostIds = fleet.hosts().map(({ hostId }) => hostId)
    const rest = restOf(leases, hostIds)
    const now = performance.now()
    settlingSince = rest === 'settling' ? (settlingSince ?? now) : undefined
    if (rest === 'at rest' || (settlingSince !== undefined && now - settlingSince >= settleMs)) return
    if (now - startedAt > readyTimeoutMs) throw new Error(neverAtRest(leases, hostIds))
    await sleep(pollMs, undefined, { signal })
  }
}

function neverAtRest(leases: readonly ShardLease[], hostIds: readonly string[]): string {
  const owned = leases.filter(({ owner }) => owner !== undefined && hostIds.includes(owner)).length
  if (owned < leases.length) return `The hosts have taken only ${owned} of ${leases.length} shards`
  return `The hosts have not shared out the ${leases.length} shards`
}

async function describeHosts(
  client: DynamoDBClient,
  table: string,
  shards: number,
  fleet: Fleet,
): Promise<readonly HostView[]> {
  const leases = await shardLeases(client, table, shards)
  const describe = async ({ hostId, pid }: HostProcess): Promise<HostView> => {
    const { sessions, at } = await sessionsOf(client, table, hostId)
    return {
      ...{ hostId, pid },
      shards: leases.flatMap(({ owner }, shard) => (owner === hostId ? [shard] : [])),
      sessions,
      ...(at !== undefined && { sessionsAt: new Date(at).toISOString() }),
    }
  }
  return Promise.all(fleet.hosts().map(describe))
}

function onlyContainer({ containers }: Cloud): Container {
  const [container, ...others] = containers
  if (container === undefined || others.length > 0)
    throw new Error('The local run starts exactly one kind of container')
  return container
}
