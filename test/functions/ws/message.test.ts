import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { clientActions } from '#shared/protocol/client-messages.ts'
import { answerEvents } from '#shared/protocol/server-messages.ts'
import { reserved } from '../../../functions/stack.ts'
import { currentUserAgent } from '../../../functions/telemetry/request-context.ts'
import { type Frame, lambdaContext, makeWorld, messageEvent, receive, showCode, start, type World } from '../support.ts'

let world: World

beforeEach(async () => {
  world = makeWorld()
  await world.join('A')
})
afterEach(() => {
  vi.useRealTimers()
})

async function send(body: unknown, exp?: number | string): Promise<Frame | undefined> {
  const response = await receive(messageEvent(body, exp === undefined ? {} : { exp }), lambdaContext, world)
  return response.body === undefined ? undefined : (JSON.parse(response.body) as Frame)
}

const actions = clientActions.join(', ')
const pairing = { action: 'request-pairing-code', phoneNumber: '+7 900 123-45-67' }

describe('a bad message is answered with its field, and the connection stays open', () => {
  test.each<[string, unknown, string, string]>([
    ['an unknown action', { action: 'fly' }, 'action', `action must be one of ${actions}`],
    ['no action', {}, 'action', `action must be one of ${actions}`],
    ['an action of the wrong type', { action: 1 }, 'action', `action must be one of ${actions}`],
    ['an action of every object', { action: 'constructor' }, 'action', `action must be one of ${actions}`],
    ['bad JSON', '{"action":', 'message', 'message must be a JSON object'],
    ['an empty message', '', 'message', 'message must be a JSON object'],
    ['text', 'hello', 'message', 'message must be a JSON object'],
    ['null', 'null', 'message', 'message must be a JSON object'],
    ['a list', '[]', 'action', `action must be one of ${actions}`],
    ['a missing phone', { action: 'request-pairing-code' }, 'phoneNumber', 'phoneNumber is missing'],
    [
      'a phone that is no text',
      { ...pairing, phoneNumber: 79001234567 },
      'phoneNumber',
      'phoneNumber must be a string',
    ],
    ['a phone that is null', { ...pairing, phoneNumber: null }, 'phoneNumber', 'phoneNumber must be a string'],
    ['a phone of any length', { ...pairing, phoneNumber: '7'.repeat(257) }, 'phoneNumber', 'at most 256 characters'],
    ['a request id that is no text', { action: 'ping', requestId: 7 }, 'requestId', 'requestId must be a string'],
    ['an empty request id', { action: 'ping', requestId: '' }, 'requestId', 'requestId must not be empty'],
    ['five kilobytes', { action: 'ping', filler: 'x'.repeat(5_000) }, 'message', 'at most 4096 bytes'],
  ])('%s', async (_name, body, field, words) => {
    const answer = await send(body)
    expect(answer).toMatchObject({ event: 'error', code: 'BAD_REQUEST', field, retryable: false })
    expect(answer).not.toHaveProperty('seq')
    expect(answer).toMatchObject({ message: `Bad request: ${field}`, reason: expect.stringContaining(words) })
    expect(world.clients.closed).toEqual([])
  })

  test('under its request id, if it has a usable one', async () => {
    expect(await send({ action: 'fly', requestId: 'r1' })).toMatchObject({ event: 'error', requestId: 'r1' })
  })
})

test('a message cannot name another company', async () => {
  await send({ ...pairing, companyId: 'other' })
  expect(world.state('other').attempt).toBeUndefined()
  expect(world.state().attempt).toBeDefined()
})

describe('a connection whose token has expired', () => {
  test.each([start / 1000 - 5, String(start / 1000 - 5)])('gets the reason, then is closed (exp %j)', async (exp) => {
    // Another status would count as an error of the API and trigger an alarm.
    expect(await receive(messageEvent(pairing, { exp }), lambdaContext, world)).toEqual({ statusCode: 200 })
    expect(world.clients.framesOf('A')).toMatchObject([{ event: 'error', code: 'UNAUTHORIZED', retryable: false }])
    expect(world.clients.closed).toEqual(['A'])
    expect(world.state().attempt).toBeUndefined()
  })
})

describe('when the store is away', () => {
  test.each([
    ['request-pairing-code', 'pairing-code-error'],
    ['request-qr', 'pairing-code-error'],
    ['cancel-pairing', 'error'],
    ['reset-whatsapp-credentials', 'credentials-reset-error'],
    ['get-status', 'error'],
  ])('%s is answered with %s, to be tried again', async (action, event) => {
    world.away.add('store')
    const answer = await send({ ...pairing, action, requestId: 'r1' })
    expect(answer).toMatchObject({ event, requestId: 'r1', code: 'STORE_UNAVAILABLE', retryable: true })
    // A made-up number might be lower than an earlier one.
    expect(answer).not.toHaveProperty('seq')
  })

  test('ping is answered with pong', async () => {
    world.away.add('store')
    expect(await send({ action: 'ping' })).toEqual({ event: 'pong', companyId: '1001', at: expect.any(String) })
  })

  test('a bad message and an expired token are answered as usual', async () => {
    world.away.add('store')
    const answer = await send('{')
    expect(answer).toMatchObject({ event: 'error', code: 'BAD_REQUEST' })
    expect(answer).not.toHaveProperty('seq')
    await send(pairing, start / 1000 - 60)
    expect(world.clients.closed).toEqual(['A'])
  })

  test('for longer than the function has time, the answer still comes', async () => {
    const stuck = { ...world, store: { ...world.store, readWithSeq: () => new Promise<never>(() => {}) } }
    const short = { getRemainingTimeInMillis: () => 710 }
    const { body } = await receive(messageEvent({ action: 'get-status' }), short, stuck)
    expect(JSON.parse(body ?? '')).toMatchObject({ event: 'error', code: 'STORE_UNAVAILABLE' })
  })
})

test('a frame that was being sent when the time was up is not sent again', async () => {
  await send(pairing)
  await showCode(world)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const posting = Promise.withResolvers<void>()
  const posted: string[] = []
  const post = (_connectionId: string, text: string) => {
    posted.push((JSON.parse(text) as Frame).event)
    posting.resolve()
    return posted.length === 1 ? new Promise<never>(() => {}) : Promise.resolve('sent' as const)
  }
  const slow = { ...world, connectionsApi: { ...world.clients, post } }
  const answered = receive(messageEvent(pairing), lambdaContext, slow)
  await posting.promise
  await vi.advanceTimersByTimeAsync(lambdaContext.getRemainingTimeInMillis() - reserved.run)
  expect(JSON.parse((await answered).body ?? '')).toMatchObject({
    event: 'pairing-code-error',
    code: 'STORE_UNAVAILABLE',
  })
  expect(posted).toEqual(['pairing-started', 'pairing-code'])
})

test('a failed push to other clients does not change the answer', async () => {
  world.away.add('connections')
  expect(await send(pairing)).toMatchObject({ event: 'pairing-started' })
})

test('work that goes on although its time was up sends nothing that the client has had', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { decide } = world.store
  const stuck = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  world.store.decide = async (...args: Parameters<typeof decide>) => {
    await stuck.promise
    return decide(...args) as never
  }
  const publish = world.publisher.publish
  Object.assign(world.publisher, {
    publish: async (...args: Parameters<typeof publish>) => {
      await publish(...args)
      done.resolve()
    },
  })
  const answered = receive(messageEvent(pairing), lambdaContext, world)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(JSON.parse((await answered).body ?? '')).toMatchObject({ event: 'pairing-code-error' })
  vi.useRealTimers()
  stuck.resolve()
  await done.promise
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(world.clients.framesOf('A')).toEqual([])
})

test('the browser of the client is known to what the message does', async () => {
  const seen: (string | undefined)[] = []
  world.rateLimit.count = async () => {
    seen.push(currentUserAgent())
    return 'within'
  }
  const event = messageEvent(pairing)
  const identity = { userAgent: 'Firefox on a phone' }
  await receive({ ...event, requestContext: { ...event.requestContext, identity } }, lambdaContext, world)
  expect(seen).toEqual(['Firefox on a phone'])
})

test('an unexpected error is INTERNAL, without its text', async () => {
  world.broken.add('store')
  const { body } = await receive(messageEvent(pairing), lambdaContext, world)
  expect(JSON.parse(body ?? '')).toMatchObject({ event: 'pairing-code-error', code: 'INTERNAL', retryable: true })
  expect(body).not.toContain('secret internals')
  expect(world.lines.some((line) => line.includes('secret internals'))).toBe(true)
})

test('the frames of an action that fails halfway are sent before its failure', async () => {
  world.queue.sendCommand = async () => {
    world.broken.add('store')
    throw new StoreUnavailable('sqs', new Error('connect ETIMEDOUT'))
  }
  const answer = await send({ ...pairing, requestId: 'r1' })
  expect([...world.clients.framesOf('A'), answer]).toMatchObject([
    { event: 'pairing-started', requestId: 'r1' },
    { event: 'pairing-code-error', requestId: 'r1', code: 'INTERNAL' },
  ])
})

test.each(['request-pairing-code', 'request-qr', 'cancel-pairing', 'reset-whatsapp-credentials', 'get-status'])(
  'an unexpected error of %s is counted, because Lambda does not count it',
  async (action) => {
    world.broken.add('store')
    await send({ ...pairing, action })
    expect(world.telemetry.refusals).toEqual(['INTERNAL'])
  },
)

describe('log lines', () => {
  test('have the correlation id, and no phone', async () => {
    await send(pairing)
    await send({ ...pairing, phoneNumber: '+7 900 123-45-67 ext. 5' })
    expect(world.lines.length).toBeGreaterThan(0)
    for (const line of world.lines) {
      expect(line).toContain('"correlationId":"apigw-request-1"')
      expect(line).not.toMatch(/9001234567|900 123/)
    }
  })

  test('of refused input are info', async () => {
    await send('{')
    await send({ ...pairing, phoneNumber: '1' })
    expect(world.lines.map((line) => JSON.parse(line).level)).toEqual(['info', 'info'])
  })
})

describe('whatever comes in', () => {
  const ours = [
    'error',
    ...answerEvents,
    'pairing-started',
    'pairing-code',
    'pairing-code-error',
    'pairing-cancelled',
    'credentials-reset',
  ]
  const isOurs = (frame: Frame) => {
    expect(ours).toContain(frame.event)
    expect(frame).toMatchObject({ companyId: '1001', at: expect.any(String) })
    // A number is drawn by a write, which a refusal and a pong must not cost.
    if (!['error', 'pong'].includes(frame.event)) expect(frame.seq).toEqual(expect.any(Number))
  }
  const action = fc.constantFrom(...actions.split(', '), 'fly')
  const message = fc.record(
    { action, phoneNumber: fc.anything(), requestId: fc.anything() },
    { requiredKeys: ['action'] },
  )
  const likely = fc.record({ action, phoneNumber: fc.string(), requestId: fc.string() }, { requiredKeys: ['action'] })

  test.each<[string, fc.Arbitrary<string>]>([
    ['any text', fc.string({ maxLength: 5_000 })],
    ['any JSON', fc.json()],
    ['any message', message.map((value) => JSON.stringify(value))],
    ['any likely message', likely.map((value) => JSON.stringify(value))],
  ])('only answers of ours go out: %s', async (_name, body) => {
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        const before = world.clients.sent.length
        const answer = await send(text)
        if (answer) isOurs(answer)
        for (const { frame } of world.clients.sent.slice(before)) isOurs(frame)
      }),
    )
  })

  test('a malformed event is refused without an answer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (event) => {
        expect(await receive(event, lambdaContext, world)).toEqual({ statusCode: 400 })
      }),
    )
  })
})
