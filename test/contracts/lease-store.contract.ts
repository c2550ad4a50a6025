/** Contract of `LeaseStore` (R27). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Lease, LeaseStore } from '#shared/ports.ts'

export type LeaseStoreSetUp = {
  /** Makes a store in which no shard was ever claimed. */
  make(): Promise<LeaseStore>
  readonly runs: number
}

const read = async (store: LeaseStore, shard = 0): Promise<Lease> => (await store.readAll(shard + 1))[shard]!
async function claimed(store: LeaseStore, ownerId: string, epoch: number, now = 1_000): Promise<Lease> {
  const lease = await store.claim(await read(store), ownerId, epoch, now)
  if (!lease) throw new Error('The lease was free')
  return lease
}

export function describeLeaseStore({ make, runs }: LeaseStoreSetUp): void {
  describe('lease store', () => {
    test('a shard never claimed has epoch and version 0 and no owner', async () => {
      const store = await make()
      const never = (shard: number) => ({ shard, epoch: 0, version: 0, renewedAt: 0 })
      expect(await store.readAll(3)).toEqual([never(0), never(1), never(2)])
    })

    test('a claimed lease has owner, epoch and time', async () => {
      const store = await make()
      const lease = await claimed(store, 'host-a', 5, 1_234)
      expect(lease).toEqual({ shard: 0, epoch: 5, version: 1, ownerId: 'host-a', renewedAt: 1_234 })
      expect((await store.readAll(2))[0]).toEqual(lease)
    })

    test('all of many leases are read', async () => {
      const store = await make()
      const seen = await store.readAll(120)
      await Promise.all(seen.map((lease) => store.claim(lease, `host-${lease.shard}`, 1, 0)))
      expect((await store.readAll(120)).map(({ ownerId }) => ownerId)).toEqual(seen.map(({ shard }) => `host-${shard}`))
    })

    test.each(['never claimed', 'held', 'released'])('of twenty claims at once one wins: %s', async (history) => {
      const store = await make()
      if (history !== 'never claimed') await claimed(store, 'host-x', 3)
      if (history === 'released') await store.release(await read(store))
      const seen = await read(store)
      const claims = Array.from({ length: 20 }, (_, index) => store.claim(seen, `host-${index}`, 10, index))
      const won = (await Promise.all(claims)).filter((lease) => lease !== undefined)
      expect(won).toHaveLength(1)
      expect(await read(store)).toEqual(won[0])
    })

    test('a claim on a lease that was renewed, released or taken meanwhile is refused', async () => {
      const store = await make()
      const lease = await claimed(store, 'host-a', 5)
      const renewed = await store.renew(lease, 2_000)
      expect(await store.claim(lease, 'host-b', 6, 2_001)).toBeUndefined()
      if (renewed === 'lost') throw new Error('The lease was the caller’s')
      await store.release(renewed)
      expect(await store.claim(renewed, 'host-b', 6, 2_001)).toBeUndefined()
      await claimed(store, 'host-c', 7)
      expect(await store.claim(renewed, 'host-b', 8, 2_001)).toBeUndefined()
    })

    test('a claim that is repeated, its answer lost, is still the claimer’s', async () => {
      const store = await make()
      const seen = await read(store)
      const lease = await store.claim(seen, 'host-a', 5, 1_000)
      expect(await store.claim(seen, 'host-a', 5, 1_000)).toEqual(lease)
      expect(await store.claim(seen, 'host-b', 5, 1_000)).toBeUndefined()
    })

    test('a renewal changes the version and returns the host that wants the shard', async () => {
      const store = await make()
      const lease = await claimed(store, 'host-a', 5)
      await store.want(lease, 'host-b')
      const renewed = await store.renew(lease, 2_000)
      expect(renewed).toEqual({
        shard: 0,
        epoch: 5,
        version: 2,
        ownerId: 'host-a',
        wantedBy: 'host-b',
        renewedAt: 2_000,
      })
      expect(await read(store)).toEqual(renewed)
    })

    test('a stale owner can neither renew nor release, and a request to it has no effect', async () => {
      const store = await make()
      const stale = await claimed(store, 'host-a', 5)
      const current = await claimed(store, 'host-b', 6)
      expect(await store.renew(stale, 9_000)).toBe('lost')
      await store.release(stale)
      await store.want(stale, 'host-c')
      expect(await read(store)).toEqual(current)
    })

    test('the same host under another epoch is another owner', async () => {
      const store = await make()
      const before = await claimed(store, 'host-a', 5)
      const current = await claimed(store, 'host-a', 6)
      expect(await store.renew(before, 9_000)).toBe('lost')
      await store.release(before)
      expect(await read(store)).toEqual(current)
    })

    test('a release keeps epoch and wantedBy, and removes the owner', async () => {
      const store = await make()
      const lease = await claimed(store, 'host-a', 5)
      await store.want(lease, 'host-b')
      await store.release(lease)
      const released = await read(store)
      expect(released).toMatchObject({ epoch: 5 })
      expect([released.ownerId, released.wantedBy]).toEqual([undefined, 'host-b'])
      expect(await store.renew(lease, 9_000)).toBe('lost')
      await store.release(lease)
      expect(await read(store)).toEqual(released)
    })

    test('a claim removes wantedBy', async () => {
      const store = await make()
      await store.want(await claimed(store, 'host-a', 5), 'host-b')
      expect((await claimed(store, 'host-b', 6)).wantedBy).toBeUndefined()
    })

    test('only the owner can name a successor', async () => {
      const store = await make()
      const stale = await claimed(store, 'host-a', 5)
      const lease = await claimed(store, 'host-b', 6)
      await store.nameSuccessor(stale, 'host-c')
      expect(await read(store)).toEqual(lease)
      await store.want(lease, 'host-d')
      await store.nameSuccessor(lease, 'host-c')
      expect(await read(store)).toEqual({ ...lease, wantedBy: 'host-c', isLeaving: true })
      await store.release(lease)
      expect(await read(store)).toMatchObject({ wantedBy: 'host-c', isLeaving: true })
      const claimedByC = await claimed(store, 'host-c', 7)
      expect(claimedByC).not.toHaveProperty('wantedBy')
      expect(claimedByC).not.toHaveProperty('isLeaving')
    })

    test('whatever hosts do with whatever they have seen, a shard has one owner and epochs grow', async () => {
      const action = fc.record({
        host: fc.constantFrom('host-a', 'host-b', 'host-c'),
        act: fc.constantFrom('claim', 'renew', 'release', 'want', 'look'),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 15 }), async (actions) => {
          const store = await make()
          const views = new Map<string, Lease>()
          let last = await read(store)
          for (const { host, act } of actions) {
            const view = views.get(host) ?? (await read(store))
            views.set(host, await perform(store, act, host, view))
            const now = await read(store)
            expect(now.epoch).toBeGreaterThanOrEqual(last.epoch)
            if (now.ownerId !== last.ownerId && now.ownerId !== undefined) expect(now.epoch).toBeGreaterThan(last.epoch)
            if (last.ownerId !== undefined && now.ownerId === undefined) expect(host).toBe(last.ownerId)
            last = now
          }
        }),
        { numRuns: runs },
      )
    })

    test('a host’s heartbeat replaces its last one', async () => {
      const store = await make()
      const heartbeat = { hostId: 'host-a', sessions: 1, shards: [0], since: 1, version: 'v1' }
      await store.writeHeartbeat(heartbeat)
      await expect(store.writeHeartbeat({ ...heartbeat, sessions: 2 })).resolves.toBeUndefined()
    })
  })
}

/** Carries an action out; returns the lease as the host knows it afterwards. */
async function perform(store: LeaseStore, act: string, host: string, view: Lease): Promise<Lease> {
  switch (act) {
    case 'claim':
      return (await store.claim(view, host, view.epoch + 1, 0)) ?? view
    case 'renew': {
      const renewed = await store.renew({ ...view, ownerId: host }, 0)
      return renewed === 'lost' ? view : renewed
    }
    case 'release':
      await store.release({ ...view, ownerId: host })
      return view
    case 'want':
      await store.want(view, host)
      return view
    default:
      return read(store)
  }
}
