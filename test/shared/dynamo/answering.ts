/** A DynamoDB on the loopback that answers as a test wants. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach } from 'vitest'
import { close, listen } from '../../../local/services/listen.ts'

/** A request as it came. */
export type Asked = { readonly headers: IncomingHttpHeaders; readonly body: string }

/** `times`: number of requests so far, this one included. */
export type Answer = (response: ServerResponse, times: number, asked: Asked) => void

const json = 'application/x-amz-json-1.0'

/** Returns a function that starts the server for a test. Call it once in a file: servers end after each test. */
export function answeringServers() {
  let server: Server | undefined
  const stop = async () => {
    if (server) await close(server)
    server = undefined
  }
  afterEach(stop)
  return async (answer: Answer) => {
    const asked: Asked[] = []
    server = createServer(async (request, response) => {
      const body = await text(request).catch(() => '')
      asked.push({ headers: request.headers, body })
      answer(response, asked.length, { headers: request.headers, body })
    })
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    return { asked, stop, config: { endpoint: await listen(server), region: 'us-east-1', credentials } }
  }
}

export const answer = (response: ServerResponse, body: object, headers: Record<string, string> = {}) =>
  response.writeHead(200, { 'content-type': json, ...headers }).end(JSON.stringify(body))

export const refuse =
  (status: number, name: string, fields: object = {}, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response
      .writeHead(status, { 'content-type': json, ...headers })
      .end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, ...fields }))
