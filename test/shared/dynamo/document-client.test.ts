import type { ServerResponse } from 'node:http'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { expect, test } from 'vitest'
import { type CallLimits, documentClient } from '#shared/dynamo/document-client.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { type Answer, answeringServers, refuse } from './answering.ts'

const start = answeringServers()

async function setUp(answer: Answer, limits: CallLimits) {
  const { asked, config, stop } = await start(answer)
  const client = documentClient(limits, config)
  const get = () => client.send(new GetCommand({ TableName: 'table', Key: { pk: 'a', sk: 'b' } }))
  return { asked, stop, get }
}

test('a DynamoDB that does not answer is given up after the allowed tries', async () => {
  const { asked, get } = await setUp(() => undefined, { tries: 2, tryMs: 100 })
  await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
  expect(asked).toHaveLength(2)
})

test('an answer that begins but does not end is given up too', async () => {
  const begin = (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': '100' }).write('{')
  }
  const { get } = await setUp(begin, { tries: 1, tryMs: 100 })
  await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
})

test.each([
  [400, 'ProvisionedThroughputExceededException'],
  [400, 'ThrottlingException'],
  [400, 'RequestLimitExceeded'],
  [500, 'InternalServerError'],
])('%i %s is an outage', async (status, type) => {
  const { get } = await setUp(refuse(status, type), { tries: 1 })
  await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', service: 'dynamodb' })
})

test.each(['ValidationException', 'ResourceNotFoundException', 'AccessDeniedException'])(
  '%s is no outage, and is not tried again',
  async (name) => {
    const { asked, get } = await setUp(refuse(400, name), {})
    await expect(get()).rejects.toMatchObject({ name })
    expect(asked).toHaveLength(1)
  },
)

test('a DynamoDB that is not there is an outage', async () => {
  const { stop, get } = await setUp(() => undefined, { tries: 1 })
  await stop()
  await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
})
