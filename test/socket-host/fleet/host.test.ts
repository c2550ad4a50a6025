import { describe, expect, it } from 'vitest'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { cluster, companies, neighbours, shards } from '../support/cluster.ts'
import { phoneA } from '../support/company-rig.ts'

const [first = '', other = '', third = ''] = neighbours

describe('a host', () => {
  it('claims shards, accepts commands and links', async () => {
    const c = cluster()
    const host = await c.employ('a')
    await c.linkAll()
    expect(host.status()).toMatchObject({ shards: [0, 1, 2, 3], sessions: companies.length })
    await host.drain()
  })

  it('writes a heartbeat for operators, and soon another one when its sessions have changed', async () => {
    const c = cluster()
    const host = c.hire('a')
    host.start()
    await c.clock.advance(11_000)
    expect(c.leases.heartbeats.get('a')).toMatchObject({ hostId: 'a', shards: [0, 1, 2, 3], sessions: 0 })
    await c.link('c1')
    await c.clock.advance(1000)
    expect(c.leases.heartbeats.get('a')).toMatchObject({ sessions: 1, states: { connected: 1 } })
    c.whatsApp.live('login')[0]?.drop('loggedOut')
    await c.clock.advance(1000)
    expect(c.leases.heartbeats.get('a')).toMatchObject({ sessions: 0 })
    await host.drain()
  })

  it('that is cut off from the store closes its sockets, and another brings the sessions up again', async () => {
    const c = cluster()
    const first = await c.employ('a')
    await c.linkAll()
    const second = c.hire('b')
    second.start()
    first.cutOff()
    await c.clock.advance(7000)
    expect(c.whatsApp.live()).toEqual([])
    await c.clock.advance(9000)
    expect(second.status()).toMatchObject({ shards: [0, 1, 2, 3], sessions: companies.length })
    for (const company of companies) expect(c.companies.state(company).session?.hostId).toBe('b')
    await second.drain()
  })
})

describe('a host that stops', () => {
  it('closes, flushes, writes and only then releases; the next one has the sessions at once', async () => {
    const c = cluster()
    const first = await c.employ('a')
    const second = c.hire('b')
    await c.link('c1')
    c.whatsApp.journal.length = 0
    const { release } = c.leases
    const statusAtRelease: (string | undefined)[] = []
    Object.assign(c.leases, {
      release: async (lease: Parameters<typeof release>[0]) => {
        if (lease.shard === shardOf('c1', shards)) {
          statusAtRelease.push(c.companies.state('c1').session?.status)
          expect(c.whatsApp.journal).toEqual(['close login 1', 'flush 1'])
        }
        return release(lease)
      },
    })
    await first.drain()
    expect(statusAtRelease).toEqual(['reconnecting'])
    second.start()
    await c.clock.advance(1000)
    expect(c.companies.state('c1').session).toMatchObject({ status: 'connected', hostId: 'b' })
    await second.drain()
  })

  it('waits for a running attempt first', async () => {
    const c = cluster()
    const host = await c.employ('a')
    await c.request('c1')
    const draining = host.drain()
    await c.clock.advance(10_000)
    expect(c.companies.state('c1').attempt?.state).toBe('code-issued')
    expect(host.status().shards).toEqual([shardOf('c1', shards)])
    c.whatsApp.live('registration')[0]?.link(phoneA)
    await c.clock.settle()
    c.whatsApp.live('registration')[0]?.drop('restart')
    await c.clock.advance(2000)
    await draining
    expect(c.companies.state('c1').lastAttempt?.state).toBe('connected')
    expect(c.companies.state('c1').session?.status).toBe('reconnecting')
    expect(c.whatsApp.live()).toEqual([])
  })

  it('waits for attempts at most for the drain time, and not at all when hurried', async () => {
    const c = cluster()
    const host = await c.employ('a', { drainMs: 5000 })
    await c.request('c1')
    const draining = host.drain()
    await c.clock.advance(6000)
    await draining
    expect(c.companies.state('c1').lastAttempt?.failure).toEqual({ code: 'HOST_UNAVAILABLE' })

    const next = await c.employ('b')
    await c.request('c2')
    const hurry = new AbortController()
    const hurried = next.drain(hurry.signal)
    hurry.abort()
    await c.clock.settle()
    await hurried
    expect(c.companies.state('c2').lastAttempt?.failure).toEqual({ code: 'HOST_UNAVAILABLE' })
  })

  it('serves the other companies of a shard as before while an attempt finishes (R8, R25, R28)', async () => {
    const c = cluster()
    const host = await c.employ('a')
    await c.link(other)
    await c.request(first, '79161234567')
    const draining = host.drain()
    await c.clock.advance(5000)
    await c.reset(other)
    expect(c.companies.state(other).unlinked).toBe('confirmed')
    expect(c.whatsApp.live('login')).toEqual([])
    await c.request(third)
    expect(c.companies.state(third).attempt?.state).toBe('code-issued')
    await c.request(first, '79161234568')
    expect(c.companies.state(first).attempt).toMatchObject({ state: 'code-issued', phone: '79161234568' })
    await c.clock.advance(90_000)
    await draining
  })

  it('leaves a request that comes too late for a code to its successor, in time for the successor to issue one', async () => {
    const c = cluster()
    const host = await c.employ('a')
    await c.request(first)
    const draining = host.drain()
    const successor = c.hire('b')
    successor.start()
    // The code of the first expires after 50 s, and can be typed for ten more.
    await c.clock.advance(52_000)
    await c.request(other)
    await c.clock.advance(5000)
    expect(c.companies.state(other).attempt?.state).toBe('requested')
    await c.clock.advance(8000)
    await draining
    expect(c.companies.state(first).lastAttempt).toMatchObject({ state: 'expired' })
    expect(c.companies.state(other).attempt).toMatchObject({ state: 'code-issued', owner: { hostId: 'b' } })
    await successor.drain(AbortSignal.abort())
  })

  it('rejects a request that would time out before it leaves, and says when a retry works', async () => {
    const c = cluster()
    const host = await c.employ('a')
    await c.request(first)
    const draining = host.drain()
    await c.clock.advance(30_000)
    await c.request(other)
    const failure = c.companies.state(other).lastAttempt?.failure
    expect(failure).toEqual({ code: 'BUSY', retryAfter: 30 })
    expect(c.companies.state(first).attempt?.state).toBe('code-issued')
    const successor = c.hire('b')
    successor.start()
    await c.clock.advance(30_000)
    await draining
    await c.clock.advance(10_000)
    await c.request(other)
    expect(c.companies.state(other).attempt).toMatchObject({ state: 'code-issued', owner: { hostId: 'b' } })
    await successor.drain(AbortSignal.abort())
  })

  it('waits for a QR as for a code: until its socket ends, whatever the time of the QR on screen', async () => {
    const c = cluster()
    const host = await c.employ('a')
    await c.request(first, undefined, 'qr')
    const draining = host.drain()
    await c.clock.advance(21_000)
    await c.request(other)
    expect(c.companies.state(other).lastAttempt?.failure).toEqual({ code: 'BUSY', retryAfter: 79 })
    await c.clock.advance(90_000)
    await draining
  })

  it('tells the owner of a code that it issues now when it leaves: the code expires before (R19, R28)', async () => {
    const c = cluster()
    const settings = { phoneChangePolicy: 'replace' as const, codeLifetimeMs: 150_000 }
    const host = await c.employ('a', {}, { settings })
    await c.request(first)
    const now = c.clock.now()
    const expiry = (company: string) => Reflect.get(c.companies.state(company).attempt ?? {}, 'expiresAt') - now
    const draining = host.drain()
    await c.request(other)
    expect(expiry(first)).toBeGreaterThan(149_000)
    expect(expiry(other)).toBe(90_000)
    await c.clock.advance(100_000)
    await draining
    expect(c.companies.state(first).lastAttempt?.failure).toEqual({ code: 'HOST_UNAVAILABLE' })
    expect(c.companies.state(other).lastAttempt).toMatchObject({ state: 'expired' })
  })

  it('stops in time although requests keep coming', async () => {
    const c = cluster()
    const host = await c.employ('a', { drainMs: 40_000 })
    await c.request(first)
    let stoppedAt = Number.POSITIVE_INFINITY
    const since = c.clock.now()
    const draining = host.drain().then(() => {
      stoppedAt = c.clock.now() - since
    })
    for (const company of neighbours.slice(3, 18)) {
      await c.request(company)
      await c.clock.advance(2900)
    }
    expect(stoppedAt).toBeLessThanOrEqual(41_000)
    expect(c.whatsApp.live()).toEqual([])
    await draining
  })
})

describe('two hosts', () => {
  it('keep the lease of a shard until its sockets are closed, also when told to stop in the middle of a hand-over', async () => {
    const c = cluster()
    const closings: (() => void)[] = []
    const open = c.whatsApp.open
    Object.assign(c.whatsApp, {
      open: (...args: Parameters<typeof open>) => {
        const socket = open(...args)
        const closed = Promise.withResolvers<void>()
        closings.push(() => void socket.close().then(closed.resolve))
        return { ...socket, close: () => closed.promise }
      },
    })
    const first = await c.employ('a')
    const second = c.hire('b')
    await c.linkAll()
    second.start()
    // The second host requests a shard, and the first begins to hand it over, but its sockets do not close yet.
    await c.clock.advance(8000)
    const draining = first.drain()
    await c.clock.advance(4000)
    expect(c.whatsApp.live('login')).toHaveLength(companies.length)
    const owners = (await c.leases.readAll(shards)).map(({ ownerId }) => ownerId)
    for (const company of companies) expect(owners[shardOf(company, shards)]).toBe('a')
    for (const close of closings) close()
    await draining
    await c.clock.advance(20_000)
    expect(second.status().sessions).toBe(companies.length)
    const leaving = second.drain()
    for (const close of closings) close()
    await leaving
  })

  it('hand over without a gap: a draining host announces it one round before it closes its sockets', async () => {
    const c = cluster()
    const first = await c.employ('a')
    const second = c.hire('b')
    await c.linkAll()
    second.start()
    await c.clock.advance(40_000)
    const draining = first.drain()
    await c.clock.advance(2900)
    expect(first.status().sessions + second.status().sessions).toBe(companies.length)
    expect(first.status().sessions).toBeGreaterThan(0)
    await c.clock.advance(1000)
    await draining
    expect(second.status()).toMatchObject({ shards: [0, 1, 2, 3], sessions: companies.length })
    await second.drain()
  })

  it('never have two sockets for one company while shards move', async () => {
    const c = cluster()
    const first = await c.employ('a')
    const second = c.hire('b')
    await c.linkAll()
    second.start()
    for (let step = 0; step < 100; step++) {
      await c.clock.advance(500)
      const live = c.whatsApp.live('login').map((socket) => socket.credentials.stored)
      expect(new Set(live).size).toBe(live.length)
    }
    expect(first.status().shards).toHaveLength(2)
    expect(second.status().shards).toHaveLength(2)
    expect(first.status().sessions + second.status().sessions).toBe(companies.length)
    const hurry = AbortSignal.abort()
    await Promise.all([first.drain(hurry), second.drain(hurry)])
  })
})
