/**
 * A whole Pairplane on this machine, for `npm start` and for end-to-end tests. Only the hosts are processes of their
 * own.
 */
import type { Simulator } from '../simulator/simulator.ts'
import { startControlPlane } from './control-plane.ts'
import { type DataDir, openDataDir } from './data-dir.ts'
import { devApi } from './dev-api.ts'
import { type Faults, makeFaults } from './faults.ts'
import type { WhatsApp } from './flags.ts'
import { awsLimits, type Limits } from './gateway/limits.ts'
import { type Gateway, startGateway, webSocketPath } from './gateway/server.ts'
import { type Hosts, type HostView, startHosts } from './hosts/start-hosts.ts'
import type { Log } from './invoke/outcome.ts'
import { loopbackOnly } from './loopback-only.ts'
import { type Clients, clientsFor, destroyClients } from './services/clients.ts'
import { type Endpoints, startServices } from './services/services.ts'
import { synthesize } from './synth.ts'
import type { Cloud } from './template/cloud.ts'
import { realiseAssembly } from './template.ts'
import { tokenSigner } from './tokens.ts'
import { startWhatsApp } from './whatsapp-service.ts'

export type LocalOptions = {
  /** Port of both APIs and the developer routes; a free one by default. */
  readonly port?: number
  readonly hosts?: number
  readonly shards?: number
  readonly dataDir?: string | undefined
  readonly whatsapp?: WhatsApp
  /** Folder of an existing cloud assembly; by default one is synthesized. */
  readonly assembly?: string
  /** Variables that override those of all functions and hosts. */
  readonly environment?: Readonly<Record<string, string>>
  /** Size of a host's heap in MB; by default that of the stage `dev`. */
  readonly hostHeapMb?: number
  readonly limits?: Limits
  /** Replaces a host that ends, as ECS does; true by default. */
  readonly restartsHosts?: boolean
  /** Environment in which `AWS_ENDPOINT_URL…` is looked up. */
  readonly env?: NodeJS.ProcessEnv
  readonly log?: Log
  readonly signal?: AbortSignal
}

export type LocalRun = {
  /** E.g. `http://127.0.0.1:4000`. */
  readonly url: string
  /** E.g. `ws://127.0.0.1:4000/ws`. */
  readonly wsUrl: string
  readonly cloud: Cloud
  readonly clients: Clients
  readonly endpoints: Endpoints
  /** Simulated faults of services. */
  readonly faults: Faults
  /** The simulated WhatsApp; undefined when the hosts use another one. */
  readonly simulator: Simulator | undefined
  token(companyId: string | undefined, role?: 'marketplace' | 'admin'): Promise<string>
  hosts(): Promise<readonly HostView[]>
  /** The processes of the hosts, also while the table with their leases is away. */
  hostProcesses(): readonly Pick<HostView, 'hostId' | 'pid'>[]
  /** Changes the number of hosts: more are started, or the last ones get SIGTERM and are not replaced. */
  scaleHosts(count: number): void
  /** Sets variables of hosts that start from now on, as a deployment does; those of an earlier call are forgotten. */
  deploy(environment: Readonly<Record<string, string>>): void
  /** Stops everything in reverse order of the start: hosts write their last state before the engines stop. */
  stop(): Promise<void>
  /** Kills the host processes at once. */
  killHosts(): void
}

/** Starts everything; resolves when the APIs answer and the shards have come to rest. On failure, stops what was started. */
export async function startLocal(options: LocalOptions = {}): Promise<LocalRun> {
  const stack = new AsyncDisposableStack()
  try {
    return await start(options, stack)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function start(options: LocalOptions, stack: AsyncDisposableStack): Promise<LocalRun> {
  const { log = () => undefined, signal = new AbortController().signal } = options
  const faults = makeFaults()
  const dataDir = takeDataDir(options, stack)
  const gateway = await takePort(options.port ?? 0, stack)
  const urls = { http: gateway.url, webSocket: `${gateway.url.replace('http', 'ws')}${webSocketPath}` }
  const { folder, services, whatsapp } = await startParts(options, { dataDir, faults, stack, signal })
  const clients = clientsFor(services.endpoints)
  stack.defer(() => destroyClients(clients))

  const realised = await realiseAssembly(folder, clients, urls)
  const cloud = withHeap(withEnvironment(realised, options.environment ?? {}), options.hostHeapMb)
  services.enforce([...cloud.functions, ...cloud.containers].flatMap(({ role }) => role ?? []))
  await services.restoreMessages()
  log('local', `${cloud.functions.length} functions, tables, queues, keys and secrets are ready`)
  const signToken = tokenSigner(cloud, clients)
  let hosts: Hosts | undefined
  const listHosts = async () => (await hosts?.list()) ?? []
  const { endpoints } = services
  const controlPlane = startControlPlane({
    ...{ cloud, clients, endpoints, gateway, log, faults },
    limits: options.limits ?? awsLimits,
    extras: {
      '/dev/': loopbackOnly(devApi({ signToken, listHosts, faults })),
      '/simulator/': loopbackOnly(whatsapp.api),
    },
  })
  stack.defer(() => controlPlane.stop())
  hosts = startHosts({
    ...{ cloud, clients, endpoints, whatsapp, log },
    count: options.hosts ?? 1,
    restarts: options.restartsHosts ?? true,
  })
  stack.defer(hosts.stop)
  stack.defer(() => controlPlane.stopAccepting())
  await Promise.all([hosts.ready(signal), controlPlane.prewarm()])
  signal.throwIfAborted()
  return {
    ...{ cloud, clients, endpoints, faults },
    url: urls.http,
    wsUrl: urls.webSocket,
    simulator: whatsapp.simulator,
    token: (companyId, role = 'marketplace') => signToken({ companyId, role }),
    hosts: listHosts,
    hostProcesses: hosts.processes,
    scaleHosts: hosts.scale,
    deploy: hosts.deploy,
    stop: () => stack.disposeAsync(),
    killHosts: hosts.killAll,
  }
}

const shardsOf = ({ shards = 4 }: LocalOptions): number => shards

function takeDataDir(options: LocalOptions, stack: AsyncDisposableStack): DataDir | undefined {
  if (options.dataDir === undefined) return undefined
  const dataDir = openDataDir(options.dataDir, options.whatsapp ?? { kind: 'simulated' }, shardsOf(options))
  stack.defer(dataDir.release)
  return dataDir
}

async function takePort(port: number, stack: AsyncDisposableStack): Promise<Gateway> {
  const gateway = await startGateway(port)
  stack.defer(gateway.stop)
  return gateway
}

/**
 * Starts the parts that do not depend on each other. When one fails, the synthesis is aborted and the failure is thrown. All
 * are awaited even then, because each adds what it has started to the stack.
 */
async function startParts(
  options: LocalOptions,
  {
    dataDir,
    faults,
    stack,
    signal,
  }: {
    dataDir: DataDir | undefined
    faults: Faults
    stack: AsyncDisposableStack
    signal: AbortSignal
  },
) {
  const { log = () => undefined, assembly } = options
  const failure = new AbortController()
  /** Aborts the synthesis with the part's error when the part fails. */
  const orFailure = async <T>(part: Promise<T>): Promise<T> => {
    part.catch((error: unknown) => failure.abort(error))
    return part
  }
  const synthesis = async () => {
    if (assembly !== undefined) return assembly
    const { folder, remove } = await synthesize(shardsOf(options), AbortSignal.any([signal, failure.signal]))
    stack.defer(remove)
    log('local', 'Templates and bundles are ready')
    return folder
  }
  const services = async () => {
    const started = await startServices({
      dataDir: options.dataDir,
      env: options.env,
      faults,
      onRefusedCall: (text) => log('aws', text),
      onUnknownCall: (operation) => log('aws', `${operation} is not available in a local run: refused`),
    })
    stack.defer(started.stop)
    return started
  }
  const whatsapp = async () => {
    const which = options.whatsapp ?? { kind: 'simulated' }
    const started = await startWhatsApp(which, dataDir?.file('whatsapp.json'), log)
    stack.defer(started.stop)
    return started
  }
  const parts = await Promise.allSettled([synthesis(), orFailure(services()), orFailure(whatsapp())])
  return { folder: settledValue(parts[0]), services: settledValue(parts[1]), whatsapp: settledValue(parts[2]) }
}

function settledValue<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason
  return result.value
}

function withEnvironment(cloud: Cloud, environment: Readonly<Record<string, string>>): Cloud {
  const replace = <T extends { readonly environment: Readonly<Record<string, string>> }>(part: T): T => ({
    ...part,
    environment: { ...part.environment, ...environment },
  })
  return { ...cloud, functions: cloud.functions.map(replace), containers: cloud.containers.map(replace) }
}

/** Replaces the heap size in the commands of the containers. */
function withHeap(cloud: Cloud, heapMb: number | undefined): Cloud {
  if (heapMb === undefined) return cloud
  const isHeap = (part: string) => part.startsWith('--max-old-space-size=')
  const containers = cloud.containers.map((each) => {
    if (!each.command.some(isHeap)) throw new Error(`The command ${each.command.join(' ')} sets no heap to replace`)
    return { ...each, command: each.command.map((part) => (isHeap(part) ? `--max-old-space-size=${heapMb}` : part)) }
  })
  return { ...cloud, containers }
}
