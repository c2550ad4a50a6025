import { beforeEach, describe, expect, test } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import {
  digits,
  type Frame,
  lambdaContext,
  link,
  makeWorld,
  messageEvent,
  phone,
  receive,
  showCode,
  start,
  type World,
  watch,
} from '../support.ts'

let world: World

beforeEach(async () => {
  world = makeWorld()
  await world.join('A')
  await world.join('B')
})

/** Sends a message. Returns the answer of the route. */
async function send(message: object, connectionId = 'A'): Promise<Frame | undefined> {
  const { body } = await receive(messageEvent(message, { connectionId }), lambdaContext, world)
  return body === undefined ? undefined : (JSON.parse(body) as Frame)
}

const ask = (typed = phone, connectionId = 'A', requestId = 'r1') =>
  send({ action: 'request-pairing-code', phoneNumber: typed, requestId }, connectionId)
const eventsOf = (connectionId: string) => world.clients.framesOf(connectionId).map(({ event }) => event)

describe('request-pairing-code', () => {
  test('answers pairing-started at once, and pushes it to the other clients', async () => {
    const answer = await ask()
    expect(answer).toEqual({
      event: 'pairing-started',
      companyId: '1001',
      at: new Date(start).toISOString(),
      seq: 1,
      requestId: 'r1',
      attemptId: world.state().attempt?.attemptId,
      phoneNumber: digits,
      deadline: new Date(start + 20_000).toISOString(),
    })
    expect(world.clients.framesOf('A')).toEqual([])
    expect(world.clients.framesOf('B')).toMatchObject([{ event: 'pairing-started', phoneNumber: digits }])
    expect(world.clients.framesOf('B')[0]).not.toHaveProperty('requestId')
  })

  test('wakes the watchdog and sends the command', async () => {
    await ask()
    const { attemptId, fence } = world.state().attempt!
    const common = { companyId: '1001', correlationId: 'apigw-request-1' }
    expect(world.queue.wakes).toEqual([{ ...common, due: start + 20_000, chain: attemptId }])
    expect(world.queue.commands).toEqual([{ ...common, attemptId, fence }])
  })

  test('repeated, joins the attempt: started and code again, in order, under the new id', async () => {
    const first = await ask()
    await showCode(world)
    const last = await ask('8 (900) 123-45-67', 'A', 'r2')
    expect([...world.clients.framesOf('A'), last]).toMatchObject([
      { event: 'pairing-started', requestId: 'r2', attemptId: first?.['attemptId'] },
      { event: 'pairing-code', requestId: 'r2', attemptId: first?.['attemptId'], code: 'ABCD-EFGH', expiresIn: 50 },
    ])
    expect(world.queue.commands).toHaveLength(1)
  })

  test('repeated when no host has accepted for two seconds, sends the command again, and not sooner', async () => {
    await ask()
    await ask(phone, 'B', 'r2')
    expect(world.queue.commands).toHaveLength(1)
    world.now.value += 2_000
    await ask(phone, 'B', 'r3')
    const [first, second] = world.queue.commands
    expect(second).toMatchObject({ attemptId: first?.attemptId, fence: first?.fence })
  })

  test('for another phone supersedes: the old request is answered before the new one starts', async () => {
    await ask()
    const last = await ask('+7 916 123-45-67', 'A', 'r2')
    expect([...world.clients.framesOf('A'), last]).toMatchObject([
      { event: 'pairing-code-error', requestId: 'r1', code: 'PAIRING_SUPERSEDED' },
      { event: 'pairing-started', requestId: 'r2', phoneNumber: '79161234567' },
    ])
    expect(eventsOf('B')).toEqual(['pairing-started', 'pairing-code-error', 'pairing-started'])
  })

  test('ends an overdue attempt first', async () => {
    await ask()
    world.now.value += 20_000
    const last = await ask(phone, 'A', 'r2')
    expect([...world.clients.framesOf('A'), last]).toMatchObject([
      { event: 'pairing-code-error', requestId: 'r1', code: 'HOST_UNAVAILABLE' },
      { event: 'pairing-started', requestId: 'r2' },
    ])
  })

  test.each([
    ['', 'INVALID_PHONE_FORMAT', 'no number was given'],
    ['phone', 'INVALID_PHONE_FORMAT', 'characters'],
    ['1111111111', 'INVALID_PHONE_FORMAT', 'no such number'],
    ['+1-800-123-4567 ext. 890', 'INVALID_PHONE_FORMAT', 'only direct WhatsApp numbers'],
    ['+7', 'INVALID_PHONE_FORMAT', 'too short'],
    ['+999 123 456 789', 'INVALID_COUNTRY_CODE', 'calling code'],
  ])('for %j answers %s and starts nothing', async (typed, code, words) => {
    const answer = await ask(typed)
    expect(answer).toMatchObject({
      event: 'pairing-code-error',
      requestId: 'r1',
      code,
      retryable: false,
      action: 'check-number',
    })
    expect(answer?.['message']).toContain(words)
    expect(world.state().attempt).toBeUndefined()
    expect(world.queue.wakes).toEqual([])
  })

  test('answers in Russian when the client reads Russian', async () => {
    const event = messageEvent(
      { action: 'request-pairing-code', phoneNumber: '+1-800-123-4567 x1' },
      { language: 'ru' },
    )
    expect((await receive(event, lambdaContext, world)).body).toContain('нужен прямой номер WhatsApp')
  })

  test('ends at once when the host cannot be reached, and frees the mutex', async () => {
    world.queue.refusesCommands = true
    const last = await ask()
    expect([...world.clients.framesOf('A'), last]).toMatchObject([
      { event: 'pairing-started', requestId: 'r1' },
      { event: 'pairing-code-error', requestId: 'r1', code: 'HOST_UNAVAILABLE', retryable: true },
    ])
    expect(world.state().attempt).toBeUndefined()
  })

  test('is left to the watchdog when neither the host nor the table can be reached', async () => {
    world.queue.sendCommand = async () => {
      world.away.add('store')
      throw new StoreUnavailable('sqs', new Error('connect ETIMEDOUT'))
    }
    expect(await ask()).toMatchObject({ event: 'pairing-started', requestId: 'r1' })
    world.away.clear()
    world.now.value += 20_000
    await watch({ Records: [{ messageId: 'm1', body: JSON.stringify(world.queue.wakes[0]) }] }, world)
    expect(world.clients.framesOf('A')).toMatchObject([
      { event: 'pairing-code-error', requestId: 'r1', code: 'HOST_UNAVAILABLE' },
    ])
  })

  test('is not started when the watchdog cannot be woken', async () => {
    world.away.add('queue')
    expect(await ask()).toMatchObject({ event: 'pairing-code-error', code: 'HOST_UNAVAILABLE', retryable: true })
    expect(world.state().attempt).toBeUndefined()
  })

  test('is refused when fifty others wait on the attempt', async () => {
    for (let n = 0; n < 50; n++) await ask(phone, 'A', `r${n}`)
    expect(await ask(phone, 'A', 'r51')).toMatchObject({ event: 'pairing-code-error', code: 'BUSY', retryAfter: 5 })
  })
})

describe('request-qr', () => {
  test('needs no phone', async () => {
    expect(await send({ action: 'request-qr' })).toMatchObject({ event: 'pairing-started' })
    expect(world.state().attempt).toMatchObject({ method: 'qr' })
    expect(world.state().attempt).not.toHaveProperty('phone')
  })

  test('with a phone checks it', async () => {
    expect(await send({ action: 'request-qr', phoneNumber: '12' })).toMatchObject({ event: 'pairing-code-error' })
  })
})

describe('cancel-pairing', () => {
  test('answers under its own id, and ends the attempt for all who wait', async () => {
    await ask(phone, 'B', 'rB')
    const fence = world.state().fence
    const last = await send({ action: 'cancel-pairing', requestId: 'rC' })
    expect(last).toMatchObject({ event: 'pairing-cancelled', requestId: 'rC' })
    expect(world.clients.framesOf('B').at(-1)).toMatchObject({ event: 'pairing-cancelled' })
    expect(world.clients.framesOf('B')).toContainEqual(
      expect.objectContaining({ event: 'pairing-code-error', requestId: 'rB', code: 'PAIRING_CANCELLED' }),
    )
    expect(world.queue.commands.at(-1)?.fence).toBe(fence + 1)
  })

  test('answers also when nothing runs, and leaves the hosts alone', async () => {
    expect(await send({ action: 'cancel-pairing' })).toMatchObject({ event: 'pairing-cancelled' })
    expect(world.queue.commands).toEqual([])
  })

  test('holds when the command cannot be sent', async () => {
    await ask()
    world.queue.refusesCommands = true
    expect(await send({ action: 'cancel-pairing' })).toMatchObject({ event: 'pairing-cancelled' })
    expect(world.state().attempt).toBeUndefined()
  })
})

describe('reset-whatsapp-credentials', () => {
  test('with nothing stored is done at once', async () => {
    expect(await send({ action: 'reset-whatsapp-credentials', requestId: 'r' })).toMatchObject({
      event: 'credentials-reset',
      success: true,
      unlinked: 'not-linked',
      requestId: 'r',
    })
  })

  test('with a linked phone forgets it, sends the command, and waits for the unlinking', async () => {
    await ask()
    await link(world)
    const fence = world.state().fence
    expect(await send({ action: 'reset-whatsapp-credentials', requestId: 'r' })).toBeUndefined()
    expect(world.state().credentials).toBeUndefined()
    expect(world.state().cleanup).toMatchObject([
      { unlink: 'pending', waiting: [{ connectionId: 'A', requestId: 'r' }] },
    ])
    expect(world.queue.commands.at(-1)).toMatchObject({ companyId: '1001', fence: fence + 1 })
    expect(world.queue.wakes.slice(1)).toMatchObject([
      { due: start + 4_000, generation: '01J1001' },
      { due: start + 60_500, generation: '01J1001' },
    ])
  })

  test('fails with its own event when the queues are down, and forgets nothing', async () => {
    await ask()
    await link(world)
    world.away.add('queue')
    expect(await send({ action: 'reset-whatsapp-credentials' })).toMatchObject({
      event: 'credentials-reset-error',
      code: 'STORE_UNAVAILABLE',
      retryable: true,
    })
    expect(world.state().credentials).toBeDefined()
  })
})

describe('get-status', () => {
  test('of a company never seen is none', async () => {
    expect(await send({ action: 'get-status', requestId: 'r' })).toMatchObject({
      event: 'status',
      session: 'none',
      seq: 1,
      requestId: 'r',
    })
  })

  test('shows the running attempt with its code', async () => {
    await ask()
    await showCode(world)
    expect(await send({ action: 'get-status' }, 'B')).toMatchObject({
      event: 'status',
      attempt: { state: 'code-issued', code: 'ABCD-EFGH', phoneNumber: digits, expiresIn: 50 },
    })
  })

  test('shows a session as connected while its host renews its lease', async () => {
    await ask()
    await link(world)
    expect(await send({ action: 'get-status' })).toMatchObject({ session: 'connected', phoneNumber: '79001***567' })
    world.now.value += 15_000
    expect(await send({ action: 'get-status' })).toMatchObject({ session: 'reconnecting' })
  })
})

test('ping is answered with pong', async () => {
  expect(await send({ action: 'ping', requestId: 'p' })).toEqual({
    ...{ event: 'pong', requestId: 'p', companyId: '1001', at: expect.any(String) },
  })
})

test('ping draws no sequence number, and calls no store at all', async () => {
  world.away.add('store').add('queue').add('connections')
  await send({ action: 'ping' })
  expect(world.lines).toEqual([])
})

test('sequence numbers only grow', async () => {
  const frames = [await ask(), await send({ action: 'get-status' }), await send({ action: 'cancel-pairing' })]
  const numbers = frames.map((frame) => frame?.seq ?? 0)
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  expect(new Set(numbers).size).toBe(numbers.length)
})
