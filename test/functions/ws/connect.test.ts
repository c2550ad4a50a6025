import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '#shared/ports.ts'
import { expelConnections } from '../../../functions/ws/expel.ts'
import { connect, connectEvent, disconnect, makeWorld, start, type World } from '../support.ts'

let world: World

beforeEach(() => {
  world = makeWorld()
})

describe('$connect', () => {
  test('stores the connection with its language and the time from which its token is refused', async () => {
    const exp = String(start / 1000 + 60)
    expect(await connect(connectEvent({}, { exp }), world)).toEqual({ statusCode: 200 })
    const row = { connectionId: 'A', companyId: '1001', language: 'en', connectedAt: start }
    expect(await world.connections.list('1001')).toMatchObject([{ ...row, tokenExpiresAt: start + 65_000 }])
  })

  test('accepts a token that expires when no date is', async () => {
    expect(await connect(connectEvent({}, { exp: '1e300' }), world)).toEqual({ statusCode: 200 })
    expect(await world.connections.list('1001')).toMatchObject([{ tokenExpiresAt: 8.64e15 }])
  })

  test.each([
    ['names our sub-protocol to who offers it', 'pairplane.v1, jwt.aaa.bbb.ccc', 'pairplane.v1'],
    ['never names the token', 'jwt.aaa.bbb.ccc', undefined],
    ['names nothing that was not offered', 'pairplane.v2', undefined],
  ])('%s', async (_name, offered, answered) => {
    const response = await connect(connectEvent({ 'Sec-WebSocket-Protocol': offered }), world)
    expect(response.headers?.['Sec-WebSocket-Protocol']).toBe(answered)
  })

  test('accepts the eleventh connection of a company, and closes the oldest after sending it the reason', async () => {
    const join = (n: number) => {
      world.now.value = start + n * 60_000
      return connect(connectEvent({}, { connectionId: `c${n}`, connectedAt: world.now.value }), world)
    }
    for (let n = 0; n < 10; n++) await join(n)
    expect(world.clients.closed).toEqual([])
    expect(await join(10)).toEqual({ statusCode: 200 })
    expect(world.clients.closed).toEqual(['c0'])
    const reason = { event: 'error', code: 'RATE_LIMITED', retryAfter: 60 }
    expect(world.clients.framesOf('c0')).toMatchObject([reason])
    expect(world.clients.framesOf('c0')[0]).not.toHaveProperty('seq')
    expect(await world.connections.list('1001')).toHaveLength(10)
  })

  test('refuses the twenty-first connection with 429 while none of the others can be closed', async () => {
    const join = (connectionId: string, connectedAt: number) =>
      connect(connectEvent({}, { connectionId, connectedAt }), world)
    for (let n = 0; n < 20; n++) expect(await join(`c${n}`, start)).toEqual({ statusCode: 200 })
    expect(await join('c20', start + 29_999)).toEqual({ statusCode: 429 })
    expect(JSON.parse(world.lines.at(-1) ?? '')).toMatchObject({
      level: 'info',
      connectionId: 'c20',
      companyId: '1001',
    })
    expect(world.clients.closed).toEqual([])
    expect(await join('c21', start + 30_000)).toEqual({ statusCode: 200 })
    expect(world.clients.closed).toHaveLength(11)
    expect(await world.connections.list('1001')).toHaveLength(10)
  })

  test('does not wait for an old connection that cannot be reached', async () => {
    const api = { post: () => new Promise<'sent'>(() => {}), close: async () => 'sent' as const }
    const expel = (some: readonly Connection[]) => expelConnections(some, { api, clock: world.clock })
    for (let n = 0; n < 10; n++) await connect(connectEvent({}, { connectionId: `c${n}` }), world)
    const late = connectEvent({}, { connectionId: 'c10', connectedAt: start + 60_000 })
    expect(await connect(late, { ...world, expel })).toEqual({ statusCode: 200 })
  })

  test('answers 503 when the store is down', async () => {
    world.away.add('connections')
    expect(await connect(connectEvent(), world)).toEqual({ statusCode: 503 })
  })

  test('reports an unexpected error, but not an outage', async () => {
    await connect({}, world)
    expect(world.telemetry.seen.map(String)).toEqual([expect.stringContaining('ValiError')])
    world.away.add('connections')
    await connect(connectEvent(), world)
    expect(world.telemetry.seen).toHaveLength(1)
  })

  test('refuses a malformed event', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (event) => {
        expect(await connect(event, world)).toEqual({ statusCode: 500 })
      }),
    )
  })
})

describe('$disconnect', () => {
  test('removes the connection, and leaves the attempt alone', async () => {
    await connect(connectEvent(), world)
    expect(await disconnect(connectEvent(), world)).toEqual({ statusCode: 200 })
    expect(await world.connections.list('1001')).toEqual([])
    expect(world.store.writes).toEqual([])
  })

  test('reports an unexpected error, but not an outage', async () => {
    expect(await disconnect({}, world)).toEqual({ statusCode: 200 })
    expect(world.telemetry.seen.map(String)).toEqual([expect.stringContaining('ValiError')])
    world.away.add('connections')
    await disconnect(connectEvent(), world)
    expect(world.telemetry.seen).toHaveLength(1)
  })

  test('of a connection that has given way leaves the newer one alone', async () => {
    for (let n = 0; n < 11; n++) {
      await connect(connectEvent({}, { connectionId: `c${n}`, connectedAt: start + n * 60_000 }), world)
    }
    await disconnect(connectEvent({}, { connectionId: 'c0' }), world)
    expect(await world.connections.list('1001')).toHaveLength(10)
  })

  test('succeeds when the store is down: the row expires by itself', async () => {
    world.away.add('connections')
    expect(await disconnect(connectEvent(), world)).toEqual({ statusCode: 200 })
  })
})
