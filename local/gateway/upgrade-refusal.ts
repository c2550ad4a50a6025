/** The HTTP answer to a refused upgrade. */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { opaqueId } from './websocket-events.ts'
import { gatewayMessage } from './websocket-routes.ts'

const messages: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  429: 'Too Many Requests',
  500: 'Internal server error',
  502: 'Internal server error',
}

/** Writes the answer and closes the connection. */
export function refuseUpgrade(socket: Duplex, status: number, connectionId: string): void {
  const text = messages[status] ?? STATUS_CODES[status] ?? ''
  const body = gatewayMessage(text, connectionId, opaqueId())
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
