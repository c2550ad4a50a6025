import { createServer, type Server, type ServerResponse } from 'node:http'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { afterEach, expect, test } from 'vitest'
import { type CallLimits, documentClient } from '#shared/dynamo/document-client.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { close, listen } from '../../../local/services/listen.ts'

let server: Server | undefined
afterEach(async () => {
  if (server) await close(server)
  server = undefined
})

/** A DynamoDB that answers in this way, and counts its calls. */
async function setUp(answer: (response: ServerResponse) => void, limits: CallLimits) {
  const asked = { times: 0 }
  server = createServer((request, response) => {
    asked.times += 1
    request.resume().on('end', () => answer(response))
  })
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = documentClient(limits, { endpoint: await listen(server), region: 'us-east-1', credentials })
  const get = () => client.send(new GetCommand({ TableName: 'table', Key: { pk: 'a', sk: 'b' } }))
  return { asked, get }
}

const refuse = (status: number, type: string) => (response: ServerResponse) =>
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify({ __type: type }))

test('a DynamoDB that does not answer is given up after the allowed tries', async () => {
  const { asked, get } = await setUp(() => undefined, { tries: 2, tryMs: 100 })
  await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
  expect(asked.times).toBe(2)
})

test('an answer that begins but does not end is given up too', async () => {
  const begin = (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': '100' }).write('{')
  }
  const { get } = await setUp(begin, { tries: 1, tryMs: 100 })
  await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
})

test.each([
  [400, 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException'],
  [400, 'com.amazonaws.dynamodb.v20120810#ThrottlingException'],
  [400, 'com.amazonaws.dynamodb.v20120810#RequestLimitExceeded'],
  [500, 'com.amazonaws.dynamodb.v20120810#InternalServerError'],
])('%i %s is an outage', async (status, type) => {
  const { get } = await setUp(refuse(status, type), { tries: 1 })
  await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', service: 'dynamodb' })
})

test.each(['ValidationException', 'ResourceNotFoundException', 'AccessDeniedException'])(
  '%s is no outage, and is not tried again',
  async (name) => {
    const { asked, get } = await setUp(refuse(400, `com.amazonaws.dynamodb.v20120810#${name}`), {})
    await expect(get()).rejects.toMatchObject({ name })
    expect(asked.times).toBe(1)
  },
)

test('a DynamoDB that is not there is an outage', async () => {
  const { get } = await setUp(() => undefined, { tries: 1 })
  if (server) await close(server)
  server = undefined
  await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
})
