import { beforeEach, describe, expect, test } from 'vitest'
import { company, digits, link, makeWorld, phone, start, type World } from '../support.ts'
import { makeApi, routes } from './support.ts'

let world: World
let ask: ReturnType<typeof makeApi>

beforeEach(async () => {
  world = makeWorld()
  ask = makeApi(world)
  await world.join('A')
})

const pair = () => ask(routes.pair, { token: 'admin', body: { phoneNumber: phone } })

describe('credentials/status', () => {
  test('without stored credentials', async () => {
    expect((await ask(routes.status, { token: company })).body).toEqual({
      hasCredentials: false,
      storedPhone: null,
      canReset: false,
    })
  })

  test.each([
    ['admin', digits],
    [company, '79001***567'],
  ])('of a linked phone, for %s', async (token, storedPhone) => {
    await pair()
    await link(world)
    expect((await ask(routes.status, { token })).body).toEqual({ hasCredentials: true, storedPhone, canReset: true })
  })

  test('with a running attempt, which can be reset', async () => {
    await pair()
    expect((await ask(routes.status, { token: company })).body).toMatchObject({ hasCredentials: false, canReset: true })
  })
})

describe('DELETE credentials', () => {
  test('without stored credentials succeeds too', async () => {
    const { status, body } = await ask(routes.remove, { token: company })
    expect(status).toBe(200)
    expect(body).toEqual({ success: true, message: 'Credentials deleted', unlinked: 'not-linked' })
  })

  test('forgets the stored credentials before it answers, and makes a host remove the device', async () => {
    await pair()
    await link(world)
    const { body } = await ask(routes.remove, { token: company })
    expect(body).toEqual({ success: true, message: 'Credentials deleted', unlinked: 'pending' })
    expect(world.state().credentials).toBeUndefined()
    expect(world.queue.commands.at(-1)?.fence).toBe(world.state().fence)
    expect(world.queue.wakes.slice(1)).toMatchObject([
      { due: start + 4_000, generation: '01J1001' },
      { due: start + 60_500, generation: '01J1001' },
    ])
  })

  test('ends a running attempt and notifies its clients', async () => {
    await pair()
    await ask(routes.remove, { token: company })
    expect(world.state().attempt).toBeUndefined()
    expect(world.clients.framesOf('A')).toMatchObject([
      { event: 'pairing-started' },
      { event: 'pairing-code-error', code: 'PAIRING_CANCELLED' },
      { event: 'credentials-reset', unlinked: 'not-linked' },
    ])
  })
})
