/** Audit lines: every request that asks for a change leaves exactly one, whatever becomes of it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { VerifyToken } from '../../../functions/access/tokens.ts'
import { endpoint } from '../../../functions/http/endpoint.ts'
import { fleetRoutes } from '../../../functions/http/fleet.ts'
import { memoryFuse } from '../../fakes/memory-fuse.ts'
import { makeApi, routes } from '../http/support.ts'
import {
  httpEvent,
  lambdaContext,
  link,
  makeWorld,
  messageEvent,
  phone,
  receive,
  showCode,
  start,
  type World,
} from '../support.ts'

type Line = Readonly<Record<string, unknown>>

let world: World
beforeEach(async () => {
  world = makeWorld()
  await world.join('A')
})
afterEach(() => {
  vi.useRealTimers()
})

const written = (): Line[] => world.lines.map((line) => JSON.parse(line))
const audited = () => written().filter(({ message }) => message === 'Change requested')
const outcomes = () => audited().map(({ outcome }) => outcome)

const pairing = { action: 'request-pairing-code', phoneNumber: phone, requestId: 'r1' }
const cancel = { action: 'cancel-pairing' }
const reset = { action: 'reset-whatsapp-credentials' }

const send = (body: object, deps: Parameters<typeof receive>[2] = world) => {
  const event = messageEvent(body)
  const authorizer = { ...event.requestContext.authorizer, sub: 'anna' }
  return receive({ ...event, requestContext: { ...event.requestContext, authorizer } }, lambdaContext, deps)
}

describe('a message that asks for a change', () => {
  test('leaves who asked, what for, and the outcome', async () => {
    await send(pairing)
    expect(audited()).toEqual([
      {
        ...{ time: new Date(start).toISOString(), level: 'info', message: 'Change requested', component: 'test' },
        ...{ companyId: '1001', connectionId: 'A', correlationId: 'apigw-request-1', requestId: 'r1' },
        action: 'request-pairing-code',
        outcome: 'done',
        by: { role: 'marketplace', companyId: '1001', sub: 'anna' },
      },
    ])
  })

  test.each<[string, readonly object[], readonly string[]]>([
    ['a pairing', [pairing], ['done']],
    ['a pairing by QR', [{ action: 'request-qr' }], ['done']],
    ['a pairing that runs already', [pairing, { ...pairing, requestId: 'r2' }], ['done', 'joined']],
    ['a pairing with a bad number', [{ ...pairing, phoneNumber: '1' }], ['INVALID_PHONE_FORMAT']],
    ['a cancel', [pairing, cancel], ['done', 'done']],
    ['a cancel of nothing', [cancel], ['unchanged']],
    ['a reset', [pairing, reset], ['done', 'done']],
    ['a reset of nothing', [reset], ['unchanged']],
  ])('%s', async (_name, messages, expected) => {
    for (const message of messages) await send(message)
    expect(outcomes()).toEqual(expected)
  })

  test('has one line when no host can be told about it, with the failure that its client gets', async () => {
    world.queue.refusesCommands = true
    await send(pairing)
    expect(audited()).toMatchObject([{ outcome: 'HOST_UNAVAILABLE', level: 'warn', changed: true }])
  })

  test.each([pairing, cancel, reset])('has one line when the store is away: $action', async (body) => {
    world.away.add('store')
    await send(body)
    expect(outcomes()).toEqual(['STORE_UNAVAILABLE'])
  })

  test('has one line when it is above the limit, and that is the only line', async () => {
    await send(pairing, { ...world, rateLimit: { count: async () => 'above' } })
    expect(outcomes()).toEqual(['RATE_LIMITED'])
    expect(written()).toHaveLength(1)
  })

  test('has one line when its token has expired', async () => {
    await receive(messageEvent(reset, { exp: start / 1000 - 60 }), lambdaContext, world)
    expect(outcomes()).toEqual(['UNAUTHORIZED'])
  })

  test('has one line when its time is up, also if its work ends later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const stuck = Promise.withResolvers<void>()
    const { decide } = world.store
    world.store.decide = async (...args: Parameters<typeof decide>) => {
      await stuck.promise
      return decide(...args) as never
    }
    const answered = send(pairing)
    await vi.advanceTimersByTimeAsync(lambdaContext.getRemainingTimeInMillis())
    await answered
    stuck.resolve()
    vi.useRealTimers()
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(world.state().attempt).toBeDefined()
    expect(outcomes()).toEqual(['STORE_UNAVAILABLE'])
  })

  test.each([pairing, cancel, reset])(
    'says that it was made, when its command hangs after it: $action',
    async (body) => {
      if (body !== pairing) await send(pairing)
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      world.queue.sendCommand = () => new Promise(() => {})
      const answered = send(body)
      await vi.advanceTimersByTimeAsync(lambdaContext.getRemainingTimeInMillis())
      await answered
      expect(audited().at(-1)).toMatchObject({ outcome: 'STORE_UNAVAILABLE', changed: true })
    },
  )
})

test.each([{ action: 'get-status' }, { action: 'ping' }])(
  'a message that changes nothing leaves no line: %j',
  async (body) => {
    await send(body)
    expect(written()).toEqual([])
  },
)

test('a malformed message is not audited: it asks for nothing that we know', async () => {
  await send({ action: 'fly' })
  expect(written()).toMatchObject([{ message: 'Message refused', code: 'BAD_REQUEST' }])
})

describe('an HTTP request that asks for a change', () => {
  const verify: VerifyToken = async (token) => {
    const verified = await world.verify(token === 'anna' ? 'admin' : token)
    return token === 'anna' && verified.ok
      ? { ok: true, value: { ...verified.value, sub: 'anna@example.test' } }
      : verified
  }
  const ask = (route: string, request: Parameters<ReturnType<typeof makeApi>>[1]) =>
    makeApi({ ...world, verify })(route, request)
  const body = { phoneNumber: phone }

  test('leaves who asked, what for, and the outcome', async () => {
    await link(await paired())
    world.lines.length = 0
    await ask(routes.remove, { token: 'anna' })
    expect(audited()).toEqual([
      {
        ...{ time: new Date(start).toISOString(), level: 'info', message: 'Change requested', component: 'test' },
        ...{ correlationId: 'http-request-1', route: routes.remove, companyId: '1001' },
        action: routes.remove,
        outcome: 'done',
        by: { role: 'admin', sub: 'anna@example.test' },
      },
    ])
  })

  async function paired() {
    await ask(routes.pair, { token: '1001', body })
    return world
  }

  test.each<[string, string, Parameters<typeof ask>[1], object]>([
    ['a pairing', routes.pair, { token: '1001', body }, { outcome: 'done', by: { companyId: '1001' } }],
    ['a bad body', routes.pair, { token: '1001', body: '{' }, { outcome: 'BAD_REQUEST', field: 'body' }],
    ['another company', routes.remove, { token: 'other' }, { outcome: 'FORBIDDEN', by: { companyId: 'other' } }],
    ['no token', routes.remove, {}, { outcome: 'UNAUTHORIZED' }],
  ])('of %s', async (_name, route, request, line) => {
    await ask(route, request)
    expect(audited()).toMatchObject([{ ...line, action: route, companyId: '1001' }])
    expect(written().filter(({ message }) => message === 'Request refused')).toEqual([])
  })

  test('for what is on its way already has joined it', async () => {
    await ask(routes.pair, { token: '1001', body })
    await showCode(world)
    await ask(routes.pair, { token: 'admin', body })
    expect(outcomes()).toEqual(['done', 'joined'])
  })

  test('that is repeated under its key changes nothing the second time', async () => {
    const headers = { 'idempotency-key': 'k1' }
    await ask(routes.pair, { token: '1001', body, headers })
    await ask(routes.pair, { token: '1001', body, headers })
    expect(outcomes()).toEqual(['done', 'unchanged'])
  })

  test('above the limit has one line, and that is the only line', async () => {
    await makeApi({ ...world, rateLimit: { count: async () => 'above' } })(routes.remove, { token: '1001' })
    expect(outcomes()).toEqual(['RATE_LIMITED'])
    expect(written()).toHaveLength(1)
  })

  test('that only reads and is above the limit has a line that names the caller', async () => {
    await makeApi({ ...world, rateLimit: { count: async () => 'above' } })(routes.status, { token: '1001' })
    expect(written()).toMatchObject([
      { message: 'Request refused', code: 'RATE_LIMITED', by: { role: 'marketplace', companyId: '1001' } },
    ])
  })

  test('has one line when the store or the keys of tokens are away', async () => {
    world.away.add('store')
    await ask(routes.remove, { token: 'admin' })
    const away: VerifyToken = () => Promise.reject(new StoreUnavailable('jwks', new Error('away')))
    await makeApi({ ...world, verify: away })(routes.remove, { token: 'admin' })
    expect(audited()).toMatchObject([
      { outcome: 'STORE_UNAVAILABLE', by: { role: 'admin' } },
      { outcome: 'STORE_UNAVAILABLE' },
    ])
    expect(audited()[1]).not.toHaveProperty('by')
  })

  test('without a usable company in its path does not repeat the path', async () => {
    await ask(routes.remove, { token: 'admin', companyId: 'a b' })
    expect(audited()).toMatchObject([{ outcome: 'BAD_REQUEST', field: 'companyId' }])
    expect(audited()[0]).not.toHaveProperty('companyId')
  })

  test('about the fuse has a line, and a look at it has none', async () => {
    const handler = endpoint(fleetRoutes, () => ({ ...world, fuse: memoryFuse(world.clock) }))
    const ofFuse = (method: string) =>
      handler(httpEvent(`${method} /api/whatsapp/fuse`, { token: 'admin' }), lambdaContext as never)
    await ofFuse('GET')
    await ofFuse('DELETE')
    expect(audited()).toMatchObject([{ action: 'DELETE /api/whatsapp/fuse', outcome: 'done', by: { role: 'admin' } }])
  })

  test('a name that looks like a phone is masked', async () => {
    const byPhone: VerifyToken = async () => ({ ok: true, value: { role: 'admin', sub: '+79001234567', exp: 0 } })
    await makeApi({ ...world, verify: byPhone })(routes.remove, { token: 'x' })
    expect(audited()).toMatchObject([{ by: { sub: '79001***567' } }])
  })
})
