/** The WebSocket API. The authorizer and `$connect` admit a connection before its upgrade is answered. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import type { Invoke } from '../invoke/outcome.ts'
import type { WebSocketApi } from '../template/cloud.ts'
import { decide, hasIdentity } from './authorizer.ts'
import type { Connections } from './connections.ts'
import { type Limits, maxMessageBytes } from './limits.ts'
import { openConnection } from './open-connection.ts'
import { type Admit, throttled } from './throttle.ts'
import { refuseUpgrade } from './upgrade-refusal.ts'
import {
  authorizerEvent,
  type ConnectionInfo,
  connectArn,
  connectEvent,
  opaqueId,
  type UpgradeRequest,
} from './websocket-events.ts'
import { chosenProtocol, proxyResponse } from './websocket-routes.ts'
import { withTimeout } from './with-timeout.ts'

/** Time limits while the gateway stops: for clients to answer the close, and for `$disconnect` to finish. */
const handshakeMs = 500
const disconnectMs = 3000

export type WebSocketGateway = {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  readonly connections: Connections
  /** Closes all connections and waits for their `$disconnect`. */
  stop(): Promise<void>
}

type Admission =
  | { readonly status: 'admitted'; readonly info: ConnectionInfo; readonly protocol: string | undefined }
  | { readonly status: 'refused'; readonly httpStatus: number; readonly connectionId: string }

/** Creates the gateway of one WebSocket API. */
export function webSocketGateway(api: WebSocketApi, invoke: Invoke, limits: Limits): WebSocketGateway {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    // The `$connect` integration chooses the protocol; the hook below writes it.
    handleProtocols: () => false,
  })
  const protocols = new WeakMap<IncomingMessage, string>()
  server.on('headers', (headers, request) => {
    const protocol = protocols.get(request)
    if (protocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${protocol}`)
  })
  const context = {
    api,
    invoke,
    limits,
    connections: new Map() as Connections,
    pending: new Set<Promise<unknown>>(),
    admit: throttled(api.throttle),
  }
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const admission = await admitConnection(request, api, invoke, context.admit)
    if (admission.status === 'refused') return refuseUpgrade(socket, admission.httpStatus, admission.connectionId)
    if (admission.protocol !== undefined) protocols.set(request, admission.protocol)
    server.handleUpgrade(request, socket, head, (webSocket) => {
      openConnection(admission.info, webSocket, socket, context)
    })
  }
  return {
    connections: context.connections,
    upgrade(request, socket, head) {
      const fail = (error: unknown) => socket.destroy(error instanceof Error ? error : new Error(String(error)))
      socket.on('error', () => socket.destroy())
      upgrade(request, socket, head).catch(fail)
    },
    async stop() {
      for (const { socket } of context.connections.values()) socket.close(1001, 'Going away')
      await until(() => context.connections.size === 0, handshakeMs)
      for (const { socket } of context.connections.values()) socket.terminate()
      await until(() => context.connections.size === 0 && context.pending.size === 0, disconnectMs)
      server.close()
    },
  }
}

/** Invokes the authorizer, then `$connect`. Either may refuse the connection. */
async function admitConnection(
  request: IncomingMessage,
  api: WebSocketApi,
  invoke: Invoke,
  admit: Admit,
): Promise<Admission> {
  const upgrade = toUpgradeRequest(request)
  const anonymous = connectionInfo(request, api)
  const refused = (httpStatus: number) =>
    ({ status: 'refused', httpStatus, connectionId: anonymous.connectionId }) as const
  if (!admit('$connect')) return refused(429)
  const info = await authorize(anonymous, upgrade, api, invoke)
  if (typeof info === 'number') return refused(info)
  const route = api.routes.get('$connect')
  if (route === undefined) return { status: 'admitted', info, protocol: undefined }
  const event = connectEvent(info, upgrade, Date.now())
  const response = proxyResponse(await withTimeout(invoke(route.functionArn, event), route.timeoutMs))
  if (response === undefined) return refused(502)
  if (response.statusCode >= 400) return refused(response.statusCode)
  return { status: 'admitted', info, protocol: chosenProtocol(response) }
}

/** Returns the connection with the authorizer's context, or the HTTP status of a refusal. */
async function authorize(
  info: ConnectionInfo,
  upgrade: UpgradeRequest,
  api: WebSocketApi,
  invoke: Invoke,
): Promise<ConnectionInfo | 401 | 403 | 500> {
  if (api.authorizer === undefined) return info
  if (!hasIdentity(api.authorizer.identitySources, upgrade)) return 401
  const startedAt = Date.now()
  const outcome = await invoke(api.authorizer.functionArn, authorizerEvent(info, upgrade, startedAt))
  const decision = decide(outcome, connectArn(info))
  if (decision.status === 'refused') return decision.httpStatus
  return { ...info, authorizer: { ...decision.context, integrationLatency: Date.now() - startedAt } }
}

function connectionInfo(request: IncomingMessage, api: WebSocketApi): ConnectionInfo {
  return {
    connectionId: opaqueId(),
    connectedAt: Date.now(),
    apiId: api.apiId,
    stage: api.stage,
    domainName: request.headers.host ?? '',
    sourceIp: request.socket.remoteAddress ?? '',
    userAgent: request.headers['user-agent'],
    authorizer: undefined,
  }
}

function toUpgradeRequest(request: IncomingMessage): UpgradeRequest {
  return { rawHeaders: request.rawHeaders, query: new URL(request.url ?? '/', 'http://local').searchParams }
}

async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!condition() && performance.now() < deadline) await sleep(10)
}
