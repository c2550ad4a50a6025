import { createServer, type Server, type ServerResponse } from 'node:http'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { afterEach, describe, expect, test } from 'vitest'
import { type CallLimits, documentClient } from '#shared/dynamo/document-client.ts'
import { type RetryDeps, systemRetries } from '#shared/dynamo/retries.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { close, listen } from '../../../local/services/listen.ts'

let server: Server | undefined
afterEach(async () => {
  if (server) await close(server)
  server = undefined
})

/** A DynamoDB that answers in this way, and counts its calls. */
async function setUp(
  answer: (response: ServerResponse, times: number) => void,
  limits: CallLimits,
  retries: Partial<RetryDeps> = {},
) {
  const asked = { times: 0 }
  server = createServer((request, response) => {
    const times = ++asked.times
    request.resume().on('end', () => answer(response, times))
  })
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const config = { endpoint: await listen(server), region: 'us-east-1', credentials }
  const client = documentClient(limits, config, { ...systemRetries, ...retries })
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

describe('a call with one limit for all its tries', () => {
  /** Time that passes in pauses alone, and pauses of full length. */
  function pausesOnly() {
    const pauses: number[] = []
    const now = () => pauses.reduce((sum, ms) => sum + ms, 0)
    return { pauses, retries: { now, pause: async (ms: number) => void pauses.push(ms), random: () => 1 } }
  }
  const found = (response: ServerResponse) =>
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}')
  const reset = (response: ServerResponse) => response.destroy()
  const gatewayError = (response: ServerResponse) => response.writeHead(502, { 'content-type': 'text/html' }).end('<p>')
  const breakOff = (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy())
  }

  test.each([
    ['a throttle', refuse(400, 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException')],
    ['another throttle', refuse(400, 'com.amazonaws.dynamodb.v20120810#ThrottlingException')],
    ['an error of the service', refuse(500, 'com.amazonaws.dynamodb.v20120810#InternalServerError')],
    ['an error of a proxy before it', gatewayError],
    ['a reset connection', reset],
    ['an answer that breaks off', breakOff],
  ])('is repeated after %s', async (_name, fail) => {
    const { pauses, retries } = pausesOnly()
    const { asked, get } = await setUp(
      (answer, times) => (times < 4 ? fail : found)(answer),
      { wholeMs: 60_000 },
      retries,
    )
    await get()
    expect(asked.times).toBe(4)
    expect(pauses).toEqual([25, 50, 100])
  })

  test('is repeated until too little time is left, also when hundreds of calls have failed before', async () => {
    const { pauses, retries } = pausesOnly()
    const throttled = refuse(400, 'com.amazonaws.dynamodb.v20120810#ThrottlingException')
    const { asked, get } = await setUp(throttled, { wholeMs: 60_000 }, retries)
    await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', cause: { name: 'ThrottlingException' } })
    const spent = pauses.reduce((sum, ms) => sum + ms, 0)
    expect(spent).toBeGreaterThan(60_000 - 450)
    expect(spent).toBeLessThanOrEqual(60_000 - 50)
    expect(asked.times).toBe(pauses.length + 1)
    await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
    expect(asked.times).toBe(2 * (pauses.length / 2 + 1))
  })

  test('is repeated while nobody listens', async () => {
    const { pauses, retries } = pausesOnly()
    const { get } = await setUp(found, { wholeMs: 1_000 }, retries)
    if (server) await close(server)
    server = undefined
    await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
    expect(pauses.slice(0, 5)).toEqual([25, 50, 100, 200, 400])
  })

  test('ends with a try that gets no answer, which has what is left of the time', async () => {
    // 200 ms of the minute are left after the pause, and pass on the real clock.
    let now = 0
    const pause = async () => {
      now = 59_800
    }
    const retries = { now: () => now, pause, random: () => 1 }
    const { asked, get } = await setUp((answer, times) => times === 1 && reset(answer), { wholeMs: 60_000 }, retries)
    await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', cause: { name: 'TimeoutError' } })
    expect(asked.times).toBe(2)
  })

  test('is not repeated when an answer begins and does not end', async () => {
    const begin = (response: ServerResponse) => void response.writeHead(200, { 'content-length': '100' }).write('{')
    const { asked, get } = await setUp(begin, { wholeMs: 150 })
    await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', cause: { name: 'TimeoutError' } })
    expect(asked.times).toBe(1)
  })

  test.each(['ConditionalCheckFailedException', 'ValidationException', 'AccessDeniedException'])(
    'is not repeated after %s',
    async (name) => {
      const { asked, get } = await setUp(refuse(400, `com.amazonaws.dynamodb.v20120810#${name}`), { wholeMs: 60_000 })
      await expect(get()).rejects.toMatchObject({ name })
      expect(asked.times).toBe(1)
    },
  )
})
