/** Calls of the hosts' client, with one limit for all their tries (R64). */
import type { ServerResponse } from 'node:http'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { expect, test } from 'vitest'
import { lightClient } from '#shared/dynamo/light/light-client.ts'
import { type RetryDeps, systemRetries } from '#shared/dynamo/retries.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { type Answer, answer, answeringServers, refuse } from './answering.ts'

const start = answeringServers()

/** Time that passes in pauses alone, and pauses of full length. */
function pausesOnly() {
  const pauses: number[] = []
  const now = () => pauses.reduce((sum, ms) => sum + ms, 0)
  return { pauses, retries: { now, pause: async (ms: number) => void pauses.push(ms), random: () => 1 } }
}

async function setUp(how: Answer, wholeMs: number, retries: Partial<RetryDeps> = {}) {
  const { asked, config, stop } = await start(how)
  const client = lightClient({ wholeMs }, config, { retries: { ...systemRetries, ...retries } })
  const get = () => client.send(new GetCommand({ TableName: 'table', Key: { pk: 'a', sk: 'b' } }))
  return { asked, stop, get }
}

const found = (response: ServerResponse) => answer(response, {})
const reset = (response: ServerResponse) => response.destroy()
const gatewayError = (response: ServerResponse) => response.writeHead(502, { 'content-type': 'text/html' }).end('<p>')
const breakOff = (response: ServerResponse) => {
  response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy())
}

test.each([
  ['a throttle', refuse(400, 'ProvisionedThroughputExceededException')],
  ['another throttle', refuse(400, 'ThrottlingException')],
  ['an error of the service', refuse(500, 'InternalServerError')],
  ['an error of a proxy before it', gatewayError],
  ['a reset connection', reset],
  ['an answer that breaks off', breakOff],
])('a call is repeated after %s', async (_name, fail) => {
  const { pauses, retries } = pausesOnly()
  const { asked, get } = await setUp((response, times) => (times < 4 ? fail : found)(response), 60_000, retries)
  await get()
  expect(asked).toHaveLength(4)
  expect(pauses).toEqual([25, 50, 100])
})

test('a call is repeated until too little time is left, also when hundreds of calls have failed before', async () => {
  const { pauses, retries } = pausesOnly()
  const throttled = refuse(400, 'ThrottlingException')
  const { asked, get } = await setUp(throttled, 60_000, retries)
  await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', cause: { name: 'ThrottlingException' } })
  const spent = pauses.reduce((sum, ms) => sum + ms, 0)
  expect(spent).toBeGreaterThan(60_000 - 450)
  expect(spent).toBeLessThanOrEqual(60_000 - 50)
  expect(asked).toHaveLength(pauses.length + 1)
  await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
  expect(asked).toHaveLength(2 * (pauses.length / 2 + 1))
})

test('a call is repeated while nobody listens', async () => {
  const { pauses, retries } = pausesOnly()
  const { stop, get } = await setUp(found, 1_000, retries)
  await stop()
  await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
  expect(pauses.slice(0, 5)).toEqual([25, 50, 100, 200, 400])
})

test('a call ends with a try that gets no answer, which has what is left of the time', async () => {
  // 200 ms of the minute are left after the pause, and pass on the real clock.
  let now = 0
  const pause = async () => {
    now = 59_800
  }
  const retries = { now: () => now, pause, random: () => 1 }
  const { asked, get } = await setUp((response, times) => times === 1 && reset(response), 60_000, retries)
  await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', cause: { name: 'TimeoutError' } })
  expect(asked).toHaveLength(2)
})

test('a call is not repeated when an answer begins and does not end', async () => {
  const begin = (response: ServerResponse) => void response.writeHead(200, { 'content-length': '100' }).write('{')
  const { asked, get } = await setUp(begin, 150)
  await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', cause: { name: 'TimeoutError' } })
  expect(asked).toHaveLength(1)
})

test.each(['ConditionalCheckFailedException', 'ValidationException', 'AccessDeniedException'])(
  'a call is not repeated after %s',
  async (name) => {
    const { asked, get } = await setUp(refuse(400, name), 60_000)
    await expect(get()).rejects.toMatchObject({ name })
    expect(asked).toHaveLength(1)
  },
)

test('a call closes the connection of a try that got no answer', async () => {
  const closed = Promise.withResolvers<void>()
  const { get } = await setUp((response) => void response.on('close', closed.resolve), 150)
  await expect(get()).rejects.toBeInstanceOf(StoreUnavailable)
  await closed.promise
})

const notInTime = (awaited: string) => ({
  name: 'StoreUnavailable',
  cause: { name: 'TimeoutError', message: `Not answered in time: no ${awaited}` },
})
const silence = new Promise<never>(() => undefined)
const command = new GetCommand({ TableName: 'table', Key: { pk: 'a', sk: 'b' } })

test('a call ends in time, and tells for what it waited, while no endpoint is found', async () => {
  const { config } = await start(found)
  const client = lightClient({ wholeMs: 100 }, { ...config, credentials: () => silence })
  await expect(client.send(command)).rejects.toMatchObject(notInTime('endpoint'))
})

test('a call ends in time, and tells for what it waited, while no new credentials come', async () => {
  let isExpired = false
  const { config } = await start((response) => {
    isExpired = true
    refuse(400, 'ExpiredTokenException')(response)
  })
  const { credentials: old } = config
  const credentials = () => (isExpired ? silence : Promise.resolve(old))
  const client = lightClient({ wholeMs: 100 }, { ...config, credentials })
  await expect(client.send(command)).rejects.toMatchObject(notInTime('credentials'))
})

test('a call ends in time, and tells for what it waited, while it has no connection', async () => {
  const { config } = await start(found)
  const client = lightClient({ wholeMs: 100 }, config, { exchange: () => silence })
  await expect(client.send(command)).rejects.toMatchObject(notInTime('connection'))
})

test('a call ends in time, and tells for what it waited, while no answer comes', async () => {
  const { get } = await setUp(() => undefined, 100)
  await expect(get()).rejects.toMatchObject(notInTime('answer'))
})
