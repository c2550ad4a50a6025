import { describe, expect, test } from 'vitest'
import { rejectBusy } from '#shared/domain/attempt/acceptance.ts'
import { decision, without } from '#shared/domain/company/company.ts'
import {
  company,
  type Frame,
  lambdaContext,
  makeWorld,
  messageEvent,
  receive,
  showCode,
  type World,
  watch,
} from '../support.ts'

async function ask(world: World, phoneNumber: string): Promise<Frame> {
  const event = messageEvent({ action: 'request-pairing-code', phoneNumber, requestId: 'r' }, { connectionId: 'A' })
  const { body } = await receive(event, lambdaContext, world)
  return JSON.parse(body ?? '{}') as Frame
}

async function worldWith(codes: { codesPerPhone: number; codesPerCompany: number }): Promise<World> {
  const world = makeWorld(codes)
  await world.join('A')
  return world
}

/** Starts a new attempt: cancels the running one, which has its code, first. */
async function askAnew(world: World, phoneNumber: string): Promise<Frame> {
  if (world.state().attempt?.state === 'requested') await showCode(world)
  await receive(messageEvent({ action: 'cancel-pairing' }, { connectionId: 'A' }), lambdaContext, world)
  return ask(world, phoneNumber)
}

test('a phone gets its number of codes, however it is typed, and then has to wait', async () => {
  const world = await worldWith({ codesPerPhone: 2, codesPerCompany: 100 })
  expect((await askAnew(world, '89001234567')).event).toBe('pairing-started')
  await showCode(world)
  world.now.value += 60_000
  expect((await askAnew(world, '+7 900 123-45-67')).event).toBe('pairing-started')
  const refused = await askAnew(world, '9001234567')
  expect(refused).toMatchObject({ event: 'pairing-code-error', code: 'RATE_LIMITED', retryAfter: 540, action: 'wait' })
  expect(world.state().attempt).toBeUndefined()
  expect((await askAnew(world, '89161234567')).event).toBe('pairing-started')
})

test('a company gets its number of codes, whatever the phones', async () => {
  const world = await worldWith({ codesPerPhone: 100, codesPerCompany: 2 })
  expect((await askAnew(world, '89001234567')).event).toBe('pairing-started')
  expect((await askAnew(world, '89001234568')).event).toBe('pairing-started')
  expect(await askAnew(world, '89001234569')).toMatchObject({ code: 'RATE_LIMITED', retryAfter: 600 })
})

test('repeats and refused requests are free', async () => {
  const world = await worldWith({ codesPerPhone: 2, codesPerCompany: 2 })
  await ask(world, '1111111111')
  await ask(world, '89001234567')
  await showCode(world)
  for (let repeat = 0; repeat < 5; repeat++) await ask(world, '89001234567')
  expect((await askAnew(world, '89001234567')).event).toBe('pairing-started')
})

test('a request that a code could not help is answered at once, and costs none (R9)', async () => {
  const world = await worldWith({ codesPerPhone: 1, codesPerCompany: 1 })
  const session = { status: 'stopped', error: 'CLIENT_OUTDATED', since: 0, epoch: 0 } as const
  const credentials = { generation: 'g1', wrappedKey: 'k1', phone: '79001234567', linkedAt: 0 }
  await world.store.decide(company, (state) => decision({ ...state, credentials, session }, undefined))
  const { length: writes } = world.store.writes
  for (const asked of ['89001234567', '89161234567', '89001234567'])
    expect(await ask(world, asked)).toMatchObject({ code: 'CLIENT_OUTDATED', retryAfter: 60 })
  expect(world.store.writes).toHaveLength(writes)
  expect(world.queue.wakes).toEqual([])
  await world.store.decide(company, (state) => decision(without(state, 'session', 'credentials'), undefined))
  expect((await ask(world, '89001234567')).event).toBe('pairing-started')
})

const tooFew = { codesPerPhone: 1, codesPerCompany: 1 }

/** Ways in which an attempt ends that no host has accepted. */
const ends: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  'when its time is up, by the watchdog': (world) => {
    world.now.value += 20_000
    const body = JSON.stringify({ companyId: company, correlationId: 'c1', due: world.now.value })
    return watch({ Records: [{ messageId: 'm1', body }] }, world)
  },
  'by a host that has its hands full': (world) => {
    const { attemptId, fence } = world.state().attempt!
    const ref = { attemptId, fence, owner: { hostId: 'host-1', epoch: 7 } }
    return world.store.decide(company, (state, now) => rejectBusy(state, ref, 1, now))
  },
  'by the client': (world) => say(world, { action: 'cancel-pairing' }),
  'by a reset': (world) => say(world, { action: 'reset-whatsapp-credentials' }),
}

const say = (world: World, message: object) =>
  receive(messageEvent(message, { connectionId: 'A' }), lambdaContext, world)

describe('an attempt that ends before a host has accepted it gives its code back (R24)', () => {
  test.each(Object.entries(ends))('%s', async (_how, end) => {
    const world = await worldWith(tooFew)
    for (let round = 0; round < 3; round++) {
      expect((await ask(world, '89001234567')).event).toBe('pairing-started')
      await end(world)
      expect(world.state().attempt).toBeUndefined()
    }
  })

  test('by a request for another phone', async () => {
    const world = await worldWith({ codesPerPhone: 1, codesPerCompany: 2 })
    for (const phone of ['89001234567', '89161234567', '89001234567', '89161234567'])
      expect((await ask(world, phone)).event).toBe('pairing-started')
  })

  test('because its command could not be sent, once', async () => {
    const world = await worldWith({ codesPerPhone: 2, codesPerCompany: 2 })
    await ask(world, '89001234567')
    await showCode(world)
    world.queue.refusesCommands = true
    await askAnew(world, '89001234567')
    expect(world.state().attempt).toBeUndefined()
    world.queue.refusesCommands = false
    expect((await ask(world, '89001234567')).event).toBe('pairing-started')
    expect(await askAnew(world, '89001234567')).toMatchObject({ code: 'RATE_LIMITED' })
  })
})

test('an attempt that a host has accepted does not give its code back', async () => {
  const world = await worldWith(tooFew)
  await ask(world, '89001234567')
  await showCode(world)
  expect(world.state().attempt).not.toHaveProperty('ticket')
  expect(await askAnew(world, '89001234567')).toMatchObject({ code: 'RATE_LIMITED' })
})
