import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RequestCounter } from '#shared/dynamo/clients/request-counter.ts'
import { connectionFloodSeconds, type RateLimit, rateLimit } from '../../../functions/access/rate-limit.ts'
import { memoryRequestCounter } from '../../fakes/memory-request-counter.ts'
import { type Frame, lambdaContext, makeWorld, messageEvent, receive, type World } from '../support.ts'

let world: World
beforeEach(async () => {
  world = makeWorld()
  await world.join('A')
})

/** The limit of a container; containers share the counter. */
const rateOf = (counter: RequestCounter) =>
  rateLimit({ counter, perSecond: 20, floodSeconds: connectionFloodSeconds, clock: world.clock, log: world.log })

async function send(messages: RateLimit, body: unknown, connectionId = 'A'): Promise<Frame> {
  const event = messageEvent(body, { connectionId })
  const { body: text, statusCode } = await receive(event, lambdaContext, { ...world, rateLimit: messages })
  expect(statusCode).toBe(200)
  return JSON.parse(text ?? '') as Frame
}

const ping = { action: 'ping', requestId: 'r1' }
const sendMany = async (messages: RateLimit, count: number, connectionId?: string) =>
  Promise.all(Array.from({ length: count }, () => send(messages, ping, connectionId)))

describe('a connection', () => {
  test('may send 20 messages in a second; the next are refused, each under its id, and the connection stays', async () => {
    const messages = rateOf(memoryRequestCounter())
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
    const messages = rateOf(memoryRequestCounter())
    await sendMany(messages, 25)
    world.now.value += 1_000
    expect(await send(messages, ping)).toMatchObject({ event: 'pong' })
  })

  test('is counted for all containers together, and apart from other connections', async () => {
    const counter = memoryRequestCounter()
    const [one, other] = [rateOf(counter), rateOf(counter)]
    await sendMany(one, 10)
    await sendMany(other, 10)
    expect(await send(one, ping)).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await send(other, ping)).toMatchObject({ code: 'RATE_LIMITED' })
    await world.join('B')
    expect(await send(other, ping, 'B')).toMatchObject({ event: 'pong' })
  })

  test('that sends malformed messages is limited too, and starts nothing above its limit', async () => {
    const messages = rateOf(memoryRequestCounter())
    await Promise.all(Array.from({ length: 20 }, () => send(messages, '{')))
    const request = { action: 'request-pairing-code', phoneNumber: '+7 900 123-45-67' }
    expect(await send(messages, request)).toMatchObject({ event: 'error', code: 'RATE_LIMITED' })
    expect(world.state().attempt).toBeUndefined()
  })

  test('above its limit costs its container no more writes in that second', async () => {
    const counter = memoryRequestCounter()
    const messages = rateOf(counter)
    for (let n = 0; n < 30; n++) await send(messages, ping)
    expect(counter.calls.filter((call) => call.startsWith('count '))).toHaveLength(21)
  })
})

/** Lets the next second begin. */
const nextSecond = () => {
  world.now.value += 1_000
}

describe('a connection that stays above its limit', () => {
  const reads = (calls: readonly string[]) => calls.filter((call) => call.startsWith('countOf'))

  test('for three seconds gets the reason once more, and is closed', async () => {
    const messages = rateOf(memoryRequestCounter())
    await sendMany(messages, 25)
    nextSecond()
    await sendMany(messages, 25)
    nextSecond()
    await sendMany(messages, 20)
    expect(world.clients.closed).toEqual([])
    const event = messageEvent({ ...ping, requestId: 'r21' })
    expect(await receive(event, lambdaContext, { ...world, rateLimit: messages })).toEqual({ statusCode: 200 })
    expect(world.clients.framesOf('A')).toMatchObject([
      { event: 'error', code: 'RATE_LIMITED', retryAfter: 1, requestId: 'r21' },
    ])
    expect(world.clients.framesOf('A')[0]).not.toHaveProperty('seq')
    expect(world.clients.closed).toEqual(['A'])
    // Messages that were on their way are refused as before, and close nothing a second time.
    await sendMany(messages, 5)
    expect(world.clients.closed).toEqual(['A'])
    expect(world.clients.framesOf('A')).toHaveLength(1)
  })

  test('is closed by one of two containers, though each sees only a part of its messages', async () => {
    const counter = memoryRequestCounter()
    const containers = [rateOf(counter), rateOf(counter)]
    const flood = async () => {
      for (let n = 0; n < 30; n++)
        await receive(messageEvent(ping), lambdaContext, { ...world, rateLimit: containers[n % 2]! })
    }
    await flood()
    nextSecond()
    await flood()
    expect(world.clients.closed).toEqual([])
    nextSecond()
    await flood()
    expect(world.clients.closed).toEqual(['A'])
    expect(world.clients.framesOf('A')).toHaveLength(1)
  })

  test('keeps its company from opening others for half a minute, also while that cannot be stored', async () => {
    const messages = rateOf(memoryRequestCounter())
    const add = () =>
      world.connections.add({ companyId: '1001', connectionId: 'B', language: 'en', connectedAt: world.now.value })
    const flood = async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        nextSecond()
        for (let n = 0; n < 25; n++) await receive(messageEvent(ping), lambdaContext, { ...world, rateLimit: messages })
      }
    }
    await flood(3)
    expect(await add()).toEqual({ ok: false, error: 'barred' })
    world.now.value += 30_000
    expect(await add()).toMatchObject({ ok: true })
    world.away.add('connections')
    world.clients.closed.length = 0
    await flood(3)
    expect(world.clients.closed).toEqual(['A'])
  })

  test.each<[string, readonly number[]]>([
    ['with a quieter second in between', [25, 25, 20, 25, 25]],
    ['with a second of silence in between', [25, 25, 0, 25, 25]],
    ['for two seconds', [25, 25]],
  ])('%s stays open', async (_name, seconds) => {
    const messages = rateOf(memoryRequestCounter())
    for (const count of seconds) {
      await sendMany(messages, count)
      nextSecond()
    }
    expect(world.clients.closed).toEqual([])
  })

  test('costs at most two reads a second, however many messages and containers there are', async () => {
    const counter = memoryRequestCounter()
    const containers = Array.from({ length: 5 }, () => rateOf(counter))
    const perSecond: number[] = []
    for (let second = 0; second < 4; second++) {
      const before = reads(counter.calls).length
      for (let n = 0; n < 200; n++)
        await receive(messageEvent(ping), lambdaContext, { ...world, rateLimit: containers[n % 5]! })
      perSecond.push(reads(counter.calls).length - before)
      nextSecond()
    }
    expect(perSecond).toEqual([1, 2, 2, 2])
  })

  test('is not closed while earlier seconds cannot be read, and is refused all the same', async () => {
    const counter = memoryRequestCounter()
    const messages = rateOf({ ...counter, countOf: () => Promise.reject(new Error('away')) })
    for (let second = 0; second < 4; second++) {
      const answers = await sendMany(messages, 21)
      expect(answers.at(-1)).toMatchObject({ code: 'RATE_LIMITED' })
      nextSecond()
    }
    expect(world.clients.closed).toEqual([])
  })
})

describe('when the counter', () => {
  afterEach(() => {
    vi.useRealTimers()
  })
  const countOf = async () => 0

  test('fails, messages go through', async () => {
    const messages = rateOf({ count: () => Promise.reject(new Error('away')), countOf })
    expect(await send(messages, ping)).toMatchObject({ event: 'pong' })
  })

  test('is slow, messages do not wait for it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const messages = rateOf({ count: () => new Promise(() => {}), countOf })
    const answer = send(messages, ping)
    await vi.advanceTimersByTimeAsync(300)
    expect(await answer).toMatchObject({ event: 'pong' })
  })
})
