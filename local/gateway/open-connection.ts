/** An open connection: its messages, its limits, and its end. */
import type { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import type { Invoke } from '../invoke/outcome.ts'
import type { WebSocketApi } from '../template/cloud.ts'
import type { Connection, Connections } from './connections.ts'
import { frameSizes } from './frame-sizes.ts'
import { type Limits, maxFrameBytes } from './limits.ts'
import type { Admit } from './throttle.ts'
import { type ConnectionInfo, disconnectEvent, messageEvent, opaqueId } from './websocket-events.ts'
import { gatewayMessage, routeReply, selectRoute } from './websocket-routes.ts'
import { withTimeout } from './with-timeout.ts'

export type ConnectionContext = {
  readonly api: WebSocketApi
  readonly invoke: Invoke
  readonly limits: Limits
  readonly connections: Connections
  /** Running invocations, which stopping the gateway waits for. */
  readonly pending: Set<Promise<unknown>>
  readonly admit: Admit
}

/**
 * Limit of messages of one connection that are processed at once; the socket is paused at the limit. AWS promises no
 * order among them.
 */
const maxConcurrent = 32

/** Registers a connection whose upgrade was answered, and handles its messages until it closes. */
export function openConnection(info: ConnectionInfo, socket: WebSocket, raw: Duplex, context: ConnectionContext): void {
  const { connections, limits } = context
  const idle = setTimeout(() => socket.close(1001, 'Going away'), limits.idleMs)
  const duration = setTimeout(() => socket.close(1001, 'Going away'), limits.durationMs)
  const connection: Connection = {
    info,
    socket,
    lastActiveAt: info.connectedAt,
    touch() {
      connection.lastActiveAt = Date.now()
      idle.refresh()
    },
  }
  connections.set(info.connectionId, connection)
  limitFrames(socket, raw)
  handleMessages(connection, context)
  // `ws` closes the connection itself, with the right code, after a message that is too long or malformed.
  socket.on('error', () => undefined)
  socket.on('close', (code, reason) => {
    clearTimeout(idle)
    clearTimeout(duration)
    connections.delete(info.connectionId)
    track(context.pending, runDisconnect(info, code, reason.toString(), context))
  })
}

function limitFrames(socket: WebSocket, raw: Duplex): void {
  // Runs before `ws` gets the bytes, so that a frame that is too long is detected before it becomes a message.
  raw.prependListener(
    'data',
    frameSizes((length) => {
      if (length > maxFrameBytes) socket.close(1009, 'Frame too long')
    }),
  )
}

function handleMessages(connection: Connection, context: ConnectionContext): void {
  const { socket } = connection
  let running = 0
  const run = async (body: string) => {
    running += 1
    if (running >= maxConcurrent) socket.pause()
    try {
      const reply = await answerMessage(connection.info, body, context)
      if (reply !== undefined && socket.readyState === socket.OPEN) {
        connection.touch()
        socket.send(reply)
      }
    } finally {
      running -= 1
      if (socket.isPaused) socket.resume()
    }
  }
  socket.on('message', (data: RawData, isBinary) => {
    // The socket is already closing: this is the message of a frame that was too long.
    if (socket.readyState !== socket.OPEN) return
    if (isBinary) return socket.close(1003, 'Binary frames are not supported')
    connection.touch()
    track(context.pending, run(data.toString()))
  })
}

/** Invokes a message's route; returns the text for the client, if any. */
async function answerMessage(
  info: ConnectionInfo,
  body: string,
  { api, invoke, admit }: ConnectionContext,
): Promise<string | undefined> {
  const selected = selectRoute(api, body)
  if (selected === undefined) return gatewayMessage('Forbidden', info.connectionId, opaqueId())
  const { routeKey, route } = selected
  if (!admit(routeKey)) return gatewayMessage('Too Many Requests', info.connectionId, opaqueId())
  const event = messageEvent(info, routeKey, body, Date.now())
  const outcome = await withTimeout(invoke(route.functionArn, event), route.timeoutMs)
  return routeReply(route, outcome, event.requestContext)
}

/** Invokes `$disconnect`. Best effort, as on AWS: a failure is ignored. */
async function runDisconnect(
  info: ConnectionInfo,
  code: number,
  reason: string,
  { api, invoke }: ConnectionContext,
): Promise<void> {
  const route = api.routes.get('$disconnect')
  if (route !== undefined) await invoke(route.functionArn, disconnectEvent(info, code, reason, Date.now()))
}

function track(pending: Set<Promise<unknown>>, work: Promise<unknown>): void {
  const entry = work.catch((error: unknown) => console.error(error)).finally(() => pending.delete(entry))
  pending.add(entry)
}
