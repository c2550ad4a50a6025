/** The serverless part of the cloud: both APIs, their functions, and the queues that invoke functions. */
import type { Faults } from './faults.ts'
import { httpGateway } from './gateway/http-api.ts'
import type { Limits } from './gateway/limits.ts'
import { answerManagement, managementPrefix } from './gateway/management-api.ts'
import type { Gateway, Handlers } from './gateway/server.ts'
import { sendUnavailable } from './gateway/server.ts'
import { refuseUpgrade } from './gateway/upgrade-refusal.ts'
import { webSocketGateway } from './gateway/websocket-api.ts'
import { startEventSource } from './invoke/event-source.ts'
import { startLambda } from './invoke/lambda.ts'
import type { Log } from './invoke/outcome.ts'
import type { Clients } from './services/clients.ts'
import { type Endpoints, endpointVariables } from './services/services.ts'
import type { Cloud } from './template/cloud.ts'

export type ControlPlaneOptions = {
  readonly cloud: Cloud
  readonly clients: Clients
  readonly endpoints: Endpoints
  readonly gateway: Gateway
  readonly limits: Limits
  readonly log: Log
  readonly faults: Faults
  /** Further handlers besides the APIs, by path prefix. */
  readonly extras: Handlers['byPrefix']
}

export type ControlPlane = {
  /** Loads the functions that a first client needs. */
  prewarm(): Promise<void>
  /** Disconnects all clients and accepts no new ones. Hosts can still push. */
  stopAccepting(): Promise<void>
  stop(): Promise<void>
}

/** Starts the control plane on a gateway that is already listening. */
export function startControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { cloud, clients, gateway, log } = options
  const lambda = startLambda(cloud.functions, endpointVariables(options.endpoints), log)
  const sockets = cloud.webSocketApi && webSocketGateway(cloud.webSocketApi, lambda.invoke, options.limits)
  const connections = sockets?.connections ?? new Map()
  const management: Handlers['byPrefix'] = {
    [managementPrefix]: (request, response) =>
      options.faults.apply('management', response, () => answerManagement(connections, request, response)),
  }
  gateway.serve({
    http: cloud.httpApi === undefined ? refuseAll : httpGateway(cloud.httpApi, lambda.invoke),
    byPrefix: { ...management, ...options.extras },
    upgrade: sockets?.upgrade ?? refuseAllUpgrades,
  })
  const sources = cloud.eventSources.map((source) => startEventSource(source, clients.sqs, lambda.invoke, log))
  return {
    prewarm: () => lambda.prewarm(firstNeeded(cloud)),
    async stopAccepting() {
      gateway.serve({ http: refuseAll, byPrefix: management, upgrade: refuseAllUpgrades })
      await sockets?.stop()
    },
    async stop() {
      await Promise.all(sources.map((source) => source.stop()))
      await lambda.stop()
    },
  }
}

/** Returns the ARNs of the functions in the order in which a new client needs them. */
function firstNeeded({ webSocketApi }: Cloud): string[] {
  if (webSocketApi === undefined) return []
  const routes = [...webSocketApi.routes.values()].map(({ functionArn }) => functionArn)
  return webSocketApi.authorizer === undefined ? routes : [webSocketApi.authorizer.functionArn, ...routes]
}

const refuseAll: Handlers['http'] = async (_, response) => sendUnavailable(response)
const refuseAllUpgrades: Handlers['upgrade'] = (_, socket) => refuseUpgrade(socket, 503, '')
