import { expect, test } from 'vitest'
import { receive } from '../../functions/ws/message.ts'
import { type Frame, lambdaContext, makeWorld, messageEvent, showCode, type World } from './support.ts'

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

/** A new attempt: the running one is cancelled first. */
async function askAnew(world: World, phoneNumber: string): Promise<Frame> {
  await receive(messageEvent({ action: 'cancel-pairing' }, { connectionId: 'A' }), lambdaContext, world)
  return ask(world, phoneNumber)
}

test('a phone has so many codes, in whatever form it is typed, and then has to wait', async () => {
  const world = await worldWith({ codesPerPhone: 2, codesPerCompany: 100 })
  expect((await askAnew(world, '89001234567')).event).toBe('pairing-started')
  world.now.value += 60_000
  expect((await askAnew(world, '+7 900 123-45-67')).event).toBe('pairing-started')
  const refused = await askAnew(world, '9001234567')
  expect(refused).toMatchObject({ event: 'pairing-code-error', code: 'RATE_LIMITED', retryAfter: 540, action: 'wait' })
  expect(world.state().attempt).toBeUndefined()
  expect((await askAnew(world, '89007654321')).event).toBe('pairing-started')
})

test('a company has so many codes, whatever the phones', async () => {
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

test('a code that no host could be asked for is given back', async () => {
  const world = await worldWith({ codesPerPhone: 1, codesPerCompany: 1 })
  world.queue.refusesCommands = true
  await ask(world, '89001234567')
  expect(world.state().attempt).toBeUndefined()
  world.queue.refusesCommands = false
  expect((await ask(world, '89001234567')).event).toBe('pairing-started')
})
