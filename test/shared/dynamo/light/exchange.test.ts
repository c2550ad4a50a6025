/** Connections of the hosts' client to DynamoDB. */
import type { ServerResponse } from 'node:http'
import { expect, onTestFinished, test, vi } from 'vitest'
import { httpExchange } from '#shared/dynamo/light/exchange.ts'
import { type Answer, answer, answeringServers } from '../answering.ts'

const start = answeringServers()
const connectMs = 1_000

/** An exchange whose time limit ends when the test says so. */
async function setUp(how: Answer) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { asked, config } = await start(how)
  const exchange = httpExchange({ connectMs, maxSockets: 1 })
  const endpoint = new URL(config.endpoint)
  const send = () =>
    exchange({ endpoint, headers: { 'content-length': '2' }, body: '{}' }, new AbortController().signal)
  return { asked, send }
}

test('the time limit for connecting is none for the answer', async () => {
  const come = Promise.withResolvers<ServerResponse>()
  const { send } = await setUp(come.resolve)
  const sent = send()
  const response = await come.promise
  await vi.advanceTimersByTimeAsync(2 * connectMs)
  answer(response, {})
  expect((await sent).status).toBe(200)
})

test('it ends the wait for a free socket, and nothing is sent when one is free', async () => {
  const come = Promise.withResolvers<ServerResponse>()
  const { asked, send } = await setUp((response, times) =>
    times === 1 ? come.resolve(response) : answer(response, {}),
  )
  const first = send()
  const response = await come.promise
  const waiting = send()
  await Promise.all([
    expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' }),
    vi.advanceTimersByTimeAsync(connectMs),
  ])
  answer(response, {})
  await first
  await send()
  expect(asked).toHaveLength(2)
})
