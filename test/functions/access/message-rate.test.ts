import { beforeEach, describe, expect, test } from 'vitest'
import type { MessageCounter } from '#shared/dynamo/clients/message-counter.ts'
import { messageRateLimit } from '../../../functions/access/message-rate.ts'
import { type Frame, lambdaContext, makeWorld, messageEvent, receive, type World } from '../support.ts'

let world: World
beforeEach(async () => {
  world = makeWorld()
  await world.join('A')
})

/** Counter that all containers share. */
function sharedCounter() {
  const counts = new Map<string, number>()
  const calls: string[] = []
  const counter: MessageCounter = {
    async count(connectionId, second) {
      const key = `${connectionId} ${second}`
      calls.push(key)
      counts.set(key, (counts.get(key) ?? 0) + 1)
      return counts.get(key) ?? 0
    },
  }
  return { counter, calls }
}

const rateOf = (counter: MessageCounter) =>
  messageRateLimit({ counter, perSecond: 20, clock: world.clock, log: world.log })

async function send(messages: ReturnType<typeof messageRateLimit>, body: unknown, connectionId = 'A'): Promise<Frame> {
  const event = messageEvent(body, { connectionId })
  const { body: text, statusCode } = await receive(event, lambdaContext, { ...world, rateLimit: messages })
  expect(statusCode).toBe(200)
  return JSON.parse(text ?? '') as Frame
}

const ping = { action: 'ping', requestId: 'r1' }
const sendMany = async (messages: ReturnType<typeof messageRateLimit>, count: number, connectionId?: string) =>
  Promise.all(Array.from({ length: count }, () => send(messages, ping, connectionId)))

describe('a connection', () => {
  test('may send 20 messages in a second; the next are refused, each under its id, and the connection stays', async () => {
    const messages = rateOf(sharedCounter().counter)
    const answers = await sendMany(messages, 25)
    expect(answers.filter(({ event }) => event === 'pong')).toHaveLength(20)
    const refused = answers.filter(({ event }) => event === 'error')
    expect(refused).toHaveLength(5)
    for (const answer of refused)
      expect(answer).toMatchObject({ code: 'RATE_LIMITED', retryAfter: 1, retryable: true, requestId: 'r1' })
    for (const answer of refused) expect(answer).not.toHaveProperty('seq')
    expect(world.clients.closed).toEqual([])
    expect(world.telemetry.refusals).toEqual(Array(5).fill('RATE_LIMITED'))
  })

  test('may go on in the next second', async () => {
    const messages = rateOf(sharedCounter().counter)
    await sendMany(messages, 25)
    world.now.value += 1_000
    expect(await send(messages, ping)).toMatchObject({ event: 'pong' })
  })

  test('is counted for all containers together, and apart from other connections', async () => {
    const { counter } = sharedCounter()
    const [one, other] = [rateOf(counter), rateOf(counter)]
    await sendMany(one, 10)
    await sendMany(other, 10)
    expect(await send(one, ping)).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await send(other, ping)).toMatchObject({ code: 'RATE_LIMITED' })
    await world.join('B')
    expect(await send(other, ping, 'B')).toMatchObject({ event: 'pong' })
  })

  test('that sends malformed messages is limited too, and starts nothing above its limit', async () => {
    const messages = rateOf(sharedCounter().counter)
    await Promise.all(Array.from({ length: 20 }, () => send(messages, '{')))
    const request = { action: 'request-pairing-code', phoneNumber: '+7 900 123-45-67' }
    expect(await send(messages, request)).toMatchObject({ event: 'error', code: 'RATE_LIMITED' })
    expect(world.state().attempt).toBeUndefined()
  })

  test('above its limit costs its container no more writes in that second', async () => {
    const { counter, calls } = sharedCounter()
    const messages = rateOf(counter)
    for (let n = 0; n < 30; n++) await send(messages, ping)
    expect(calls).toHaveLength(21)
  })
})

describe('when the counter', () => {
  test('fails, messages go through', async () => {
    const messages = rateOf({
      count: async () => {
        throw new Error('away')
      },
    })
    expect(await send(messages, ping)).toMatchObject({ event: 'pong' })
  })

  test('is slow, messages do not wait for it', async () => {
    const messages = rateOf({ count: () => new Promise(() => {}) })
    expect(await send(messages, ping)).toMatchObject({ event: 'pong' })
  })
})
