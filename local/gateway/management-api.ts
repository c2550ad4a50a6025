/** The management API `@connections`: functions and hosts send to a client, read its connection, and close it. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody } from './body.ts'
import type { Connection, Connections } from './connections.ts'
import { maxMessageBytes } from './limits.ts'
import { decodePercent } from './percent.ts'

export const managementPrefix = '/@connections/'

/** Bytes that may be buffered for a client that does not read. Beyond this, sending fails with 429. */
const maxBufferedBytes = 1024 * 1024

type Refusal = { readonly status: number; readonly type: string; readonly message: string }

const gone: Refusal = { status: 410, type: 'GoneException', message: 'The connection is gone' }
const tooLarge: Refusal = { status: 413, type: 'PayloadTooLargeException', message: 'Message too long' }
const bufferFull: Refusal = { status: 429, type: 'LimitExceededException', message: 'The client does not read' }
const forbidden: Refusal = { status: 403, type: 'ForbiddenException', message: 'Forbidden' }

/** Answers a request to `/@connections/{id}`. Until its `$connect` has returned, a connection does not exist: 410. */
export async function answerManagement(
  connections: Connections,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const connection = findConnection(connections, request.url ?? '')
  const body = await readBody(request, maxMessageBytes)
  if (body === undefined) return refuse(response, tooLarge)
  if (connection === undefined) return refuse(response, gone)
  switch (request.method) {
    case 'POST':
      return post(connection, body, response)
    case 'GET':
      return answer(response, 200, describe(connection))
    case 'DELETE':
      connection.socket.close(1000)
      return answer(response, 204)
    default:
      return refuse(response, forbidden)
  }
}

async function post(connection: Connection, body: Buffer, response: ServerResponse): Promise<void> {
  if (connection.socket.bufferedAmount > maxBufferedBytes) return refuse(response, bufferFull)
  connection.touch()
  connection.socket.send(body.toString())
  answer(response, 200)
}

function findConnection(connections: Connections, url: string): Connection | undefined {
  const [path = ''] = url.slice(managementPrefix.length).split('?')
  const connection = connections.get(decodePercent(path))
  return connection?.socket.readyState === connection?.socket.OPEN ? connection : undefined
}

function describe({ info, lastActiveAt }: Connection): object {
  return {
    connectedAt: new Date(info.connectedAt).toISOString(),
    identity: { sourceIp: info.sourceIp, userAgent: info.userAgent ?? null },
    lastActiveAt: new Date(lastActiveAt).toISOString(),
  }
}

function refuse(response: ServerResponse, { status, type, message }: Refusal): void {
  response.setHeader('x-amzn-ErrorType', type)
  answer(response, status, { message })
}

function answer(response: ServerResponse, status: number, body?: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-RequestId': randomUUID() })
  response.end(body && JSON.stringify(body))
}
