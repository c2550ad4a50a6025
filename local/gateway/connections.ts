/** The open connections of the WebSocket API. */
import type { WebSocket } from 'ws'
import type { ConnectionInfo } from './websocket-events.ts'

/** An open connection that `$connect` has admitted. */
export type Connection = {
  readonly info: ConnectionInfo
  readonly socket: WebSocket
  /** Epoch ms of the last message in either direction. */
  lastActiveAt: number
  /** Records a message and restarts the idle time-out. */
  touch(): void
}

export type Connections = Map<string, Connection>
