/** The open connections of the WebSocket API. */
import type { WebSocket } from 'ws'
import type { ConnectionInfo } from './websocket-events.ts'

/** A connection that `$connect` has admitted and that has not closed yet. */
export type Connection = {
  readonly info: ConnectionInfo
  readonly socket: WebSocket
  /** Epoch ms of the last message in either direction. */
  lastActiveAt: number
  /** Notes a message; postpones the idle time-out. */
  touch(): void
}

export type Connections = Map<string, Connection>
