import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fakeClock } from '../../fakes/fake-clock.ts'
import { memoryLeaseStore } from '../../fakes/memory-lease-store.ts'
import { hostOn, renewMs, shards, staleMs } from '../support/keeper-rig.ts'
import type { CallFate } from '../support/troubled-leases.ts'

describe('a lone host', () => {
  it('claims every shard at once and keeps it', async () => {
    const clock = fakeClock()
    const table = memoryLeaseStore()
    const host = hostOn(clock, table, 'a')
    host.keeper.start()
    await clock.settle()
    expect(host.keeper.owned()).toEqual([0, 1, 2, 3])
    await clock.advance(60_000)
    expect(host.keeper.owned()).toEqual([0, 1, 2, 3])
    expect((await table.readAll(1))[0]?.version).toBeGreaterThan(15)
    await host.keeper.stop()
  })

  it('leaves its shards before their leases can be taken when it cannot renew, and claims them again later', async () => {
    const clock = fakeClock()
    let fate: CallFate['fate'] = 'ok'
    const host = hostOn(clock, memoryLeaseStore(), 'a', { fateOf: () => ({ delayMs: 0, answerDelayMs: 0, fate }) })
    host.keeper.start()
    await clock.settle()
    const [lease] = host.owned.values()
    fate = 'fails'
    await clock.advance(6600)
    expect(lease?.isOwner()).toBe(true)
    await clock.advance(100)
    expect(lease?.isOwner()).toBe(false)
    expect(host.owned.size).toBe(0)
    fate = 'ok'
    await clock.advance(3000)
    expect(host.owned.size).toBe(4)
    expect(lease?.isOwner()).toBe(false)
    await host.keeper.stop()
  })

  it('has no successor to wait for when it drains', async () => {
    const clock = fakeClock()
    const host = hostOn(clock, memoryLeaseStore(), 'a')
    host.keeper.start()
    await clock.settle()
    expect(await host.keeper.announceDrain()).toBe(0)
    await host.keeper.stop()
  })

  it('does not take back what has lapsed because a renewal comes late: its work was left meanwhile', async () => {
    const clock = fakeClock()
    let answerDelayMs = 0
    const host = hostOn(clock, memoryLeaseStore(), 'a', { fateOf: () => ({ delayMs: 0, answerDelayMs, fate: 'ok' }) })
    host.keeper.start()
    await clock.settle()
    const [lease] = host.owned.values()
    answerDelayMs = 100
    await clock.advance(3050)
    // The machine stops. The answer of the renewal has arrived, but it is read only after the lease has lapsed.
    host.pause(5000)
    await clock.advance(4000)
    expect(lease?.isOwner()).toBe(false)
    answerDelayMs = 0
    await clock.advance(1100)
    expect(lease?.isOwner()).toBe(false)
    await clock.advance(3000)
    expect(host.owned.size).toBe(4)
    expect(lease?.isOwner()).toBe(false)
    await host.keeper.stop()
  })

  it('finds a claim again whose answer was lost', async () => {
    const clock = fakeClock()
    let calls = 0
    const fateOf = (): CallFate => ({ delayMs: 0, answerDelayMs: 0, fate: ++calls === 2 ? 'answerLost' : 'ok' })
    const host = hostOn(clock, memoryLeaseStore(), 'a', { fateOf })
    host.keeper.start()
    await clock.advance(3100)
    expect(host.owned.size).toBe(4)
    await host.keeper.stop()
  })
})

describe('two hosts', () => {
  async function pair() {
    const clock = fakeClock()
    const table = memoryLeaseStore()
    const a = hostOn(clock, table, 'a')
    const b = hostOn(clock, table, 'b')
    a.keeper.start()
    await clock.settle()
    b.keeper.start()
    return { clock, table, a, b }
  }

  it('come to own half of the shards each', async () => {
    const { clock, a, b } = await pair()
    await clock.advance(40_000)
    expect(a.owned.size).toBe(2)
    expect(b.owned.size).toBe(2)
    await Promise.all([a.keeper.stop(), b.keeper.stop()])
  })

  it('do not move a shard on which an attempt runs', async () => {
    const { clock, a, b } = await pair()
    for (const shard of [0, 1, 2, 3]) a.running.add(shard)
    await clock.advance(40_000)
    expect(a.owned.size).toBe(4)
    a.running.clear()
    await clock.advance(40_000)
    expect(b.owned.size).toBe(2)
    await Promise.all([a.keeper.stop(), b.keeper.stop()])
  })

  it('take over in a moment what one that leaves has announced and released', async () => {
    const { clock, a, b } = await pair()
    await clock.advance(40_000)
    await clock.advance(await a.keeper.announceDrain())
    expect(b.owned.size).toBe(2)
    for (const shard of a.keeper.owned()) await a.keeper.releaser(shard)()
    await clock.advance(renewMs / 10)
    expect(b.owned.size).toBe(4)
    await Promise.all([a.keeper.stop(), b.keeper.stop()])
  })

  it('release the ownership that was handed over, and not a later one of the same shard', async () => {
    const clock = fakeClock()
    const table = memoryLeaseStore()
    const a = hostOn(clock, table, 'a')
    a.keeper.start()
    await clock.settle()
    const release = a.keeper.releaser(0)
    a.pause(12_000)
    await clock.advance(30_000)
    expect(a.owned.get(0)?.isOwner()).toBe(true)
    await release()
    expect(a.owned.get(0)?.isOwner()).toBe(true)
    expect((await table.readAll(1))[0]?.ownerId).toBe('a')
    await a.keeper.stop()
  })

  it('take over in a moment what two have released that leave at once, neither the successor of the other', async () => {
    const clock = fakeClock()
    const table = memoryLeaseStore()
    const hosts = ['a', 'b', 'c', 'd'].map((hostId) => hostOn(clock, table, hostId))
    for (const { keeper } of hosts) keeper.start()
    await clock.advance(40_000)
    const leavers = hosts.slice(0, 2)
    const [waitMs = 0] = await Promise.all(leavers.map(({ keeper }) => keeper.announceDrain()))
    await clock.advance(waitMs)
    for (const { keeper } of leavers) for (const shard of keeper.owned()) await keeper.releaser(shard)()
    await clock.advance(renewMs / 10)
    const counts = hosts.map(({ keeper }) => keeper.owned().length)
    expect(counts.slice(0, 2)).toEqual([0, 0])
    expect((counts[2] ?? 0) + (counts[3] ?? 0)).toBe(4)
    await Promise.all(hosts.map(({ keeper }) => keeper.stop()))
  })

  it('that start together have half of the shards each after a second or two', async () => {
    const { clock, a, b } = await pair()
    await clock.advance(2000)
    expect([a.owned.size, b.owned.size]).toEqual([2, 2])
    await Promise.all([a.keeper.stop(), b.keeper.stop()])
  })

  it('move one shard in a round when one of them is old: its sessions come up before the next one follows', async () => {
    const clock = fakeClock()
    const table = memoryLeaseStore()
    const [a, b] = [hostOn(clock, table, 'a'), hostOn(clock, table, 'b')]
    a.keeper.start()
    await clock.advance(60_000)
    b.keeper.start()
    await clock.advance(renewMs)
    expect(b.owned.size).toBe(1)
    await clock.advance(renewMs + renewMs / 10)
    expect(b.owned.size).toBe(2)
    await Promise.all([a.keeper.stop(), b.keeper.stop()])
  })

  it('take over from one that has died, with a higher epoch', async () => {
    const { clock, table, a, b } = await pair()
    await clock.advance(40_000)
    const shard = a.keeper.owned()[0] ?? 0
    const before = await table.readAll(shards)
    await a.keeper.stop()
    await clock.advance(staleMs + 3 * renewMs)
    expect(b.owned.size).toBe(4)
    const after = await table.readAll(shards)
    expect(after[shard]?.epoch).toBeGreaterThan(before[shard]?.epoch ?? 0)
    await b.keeper.stop()
  })
})

describe('a host that sees the renewals of another after a second', () => {
  async function watching() {
    const clock = fakeClock()
    const table = memoryLeaseStore()
    let reads = 0
    const readAll = (count: number) => {
      reads++
      return table.readAll(count)
    }
    const [a, b] = [hostOn(clock, table, 'a'), hostOn(clock, { ...table, readAll }, 'b')]
    a.keeper.start()
    await clock.advance(1000)
    b.keeper.start()
    await clock.advance(38_500)
    expect([a.owned.size, b.owned.size]).toEqual([2, 2])
    return { clock, a, b, reads: () => reads }
  }

  it('takes what belonged to one that has died as soon as it is stale, and not in its next round', async () => {
    const { clock, a, b } = await watching()
    await a.keeper.stop()
    await clock.advance(500 + staleMs - 10)
    expect(b.owned.size).toBe(2)
    await clock.advance(20)
    expect(b.owned.size).toBe(4)
    await b.keeper.stop()
  })

  it('reads the leases once in a round while all are renewed', async () => {
    const { clock, a, b, reads } = await watching()
    const before = reads()
    await clock.advance(20 * renewMs)
    expect(reads() - before).toBe(20)
    await Promise.all([a.keeper.stop(), b.keeper.stop()])
  })
})

describe('three hosts', () => {
  it('share what one of them has released within one round', async () => {
    const clock = fakeClock()
    const table = memoryLeaseStore()
    const fateOf = (): CallFate => ({ delayMs: 5, answerDelayMs: 5, fate: 'ok' })
    const hosts = ['a', 'b', 'c'].map((hostId) => hostOn(clock, table, hostId, { fateOf }))
    for (const host of hosts) host.keeper.start()
    await clock.advance(61_000)
    const leaver = hosts.find(({ owned }) => owned.size === 2)
    void leaver?.keeper.stop()
    // No host has requested these two leases, so the first host that looks may claim either.
    for (const lease of await table.readAll(shards)) {
      const freed = leaver?.owned.has(lease.shard) && (await table.claim(lease, 'gone', lease.epoch + 1, clock.now()))
      if (freed) await table.release(freed)
    }
    const others = () => hosts.filter((host) => host !== leaver).map(({ owned }) => owned.size)
    while (others().join() === '1,1') await clock.advance(20)
    await clock.advance(100)
    expect(others()).toEqual([2, 2])
    for (const host of hosts) await host.keeper.stop()
  })

  it('come to rest: once shared out, no shard moves any more', async () => {
    const clock = fakeClock()
    const table = memoryLeaseStore()
    const hosts = ['a', 'b', 'c'].map((hostId) => hostOn(clock, table, hostId))
    for (const host of hosts) {
      host.keeper.start()
      await clock.advance(1000)
    }
    await clock.advance(60_000)
    const epochs = async () => (await table.readAll(shards)).map(({ epoch }) => epoch)
    const before = await epochs()
    expect(hosts.map(({ owned }) => owned.size).sort()).toEqual([1, 1, 2])
    await clock.advance(120_000)
    expect(await epochs()).toEqual(before)
    for (const host of hosts) await host.keeper.stop()
  })
})

type Weather = { readonly delayMs: number; readonly answerDelayMs: number; readonly fate: CallFate['fate'] }
type Trouble = {
  readonly at: number
  readonly host: number
  readonly kind: 'pause' | 'storm' | 'kill'
  readonly ms: number
}

const weather = fc.record<Weather>({
  delayMs: fc.nat({ max: 1500 }),
  answerDelayMs: fc.nat({ max: 1500 }),
  fate: fc.constantFrom('ok', 'ok', 'fails', 'answerLost'),
})
const trouble = fc.record<Trouble>({
  at: fc.nat({ max: 60_000 }),
  host: fc.nat({ max: 2 }),
  kind: fc.constantFrom('pause', 'storm', 'kill'),
  ms: fc.integer({ min: 500, max: 30_000 }),
})

describe('hosts in trouble', () => {
  it('never own a shard twice, and own every shard again soon after', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(trouble, { maxLength: 6 }), fc.array(weather, { minLength: 1, maxLength: 20 }), play),
      { numRuns: 40 },
    )
  })
})

async function play(troubles: readonly Trouble[], weathers: readonly Weather[]): Promise<void> {
  const clock = fakeClock()
  const table = memoryLeaseStore()
  const storms = [0, 0, 0]
  let calls = 0
  const hosts = ['a', 'b', 'c'].map((hostId, index) =>
    hostOn(clock, table, hostId, {
      fateOf: () => {
        const stormy = weathers[calls++ % weathers.length]
        return clock.monotonic() < (storms[index] ?? 0) && stormy
          ? stormy
          : { delayMs: 5, answerDelayMs: 5, fate: 'ok' }
      },
    }),
  )
  const killed = new Set<number>()
  for (const host of hosts) host.keeper.start()
  const check = () => {
    // A paused process runs nothing. When it goes on, it asks its clock before its sockets write anything.
    const owners = hosts.flatMap((host, index) => (killed.has(index) ? [] : host.fenced()))
    expect(new Set(owners).size).toBe(owners.length)
  }
  for (let elapsed = 0; elapsed < 100_000; elapsed += 500) {
    for (const { at, host, kind, ms } of troubles) {
      if (at < elapsed || at >= elapsed + 500) continue
      if (kind === 'pause') hosts[host]?.pause(ms)
      if (kind === 'storm') storms[host] = clock.monotonic() + ms
      if (kind === 'kill' && killed.size < 2 && !killed.has(host)) {
        killed.add(host)
        void hosts[host]?.keeper.stop()
        hosts[host]?.pause(1e9)
      }
    }
    await clock.advance(500)
    check()
  }
  await clock.advance(staleMs + 4 * renewMs)
  const owned = hosts.flatMap((host, index) => (killed.has(index) ? [] : host.fenced()))
  expect(owned.sort()).toEqual([0, 1, 2, 3])
  for (const [index, host] of hosts.entries()) if (!killed.has(index)) void host.keeper.stop()
  await clock.advance(renewMs)
}
