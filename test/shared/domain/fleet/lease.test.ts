import { describe, expect, it, test } from 'vitest'
import {
  type ClusterView,
  fairShare,
  type LeaseSeen,
  leaseMarginMs,
  nextEpoch,
  type ObservedLease,
  ownedUntil,
  planHandOff,
  planLeases,
  watch,
} from '#shared/domain/fleet/lease.ts'

const staleMs = 10_000
const renewMs = 3000
const now = 100_000

/** The view of a host, by the owners of the shards: `'a'` renews, `'a!'` is stale, `undefined` has just released. */
function viewOf(hostId: string, owners: readonly (string | undefined)[], more: Partial<ClusterView> = {}): ClusterView {
  const observed = owners.map((owner, shard): ObservedLease => {
    const ownerId = owner?.replace('!', '')
    const lease: LeaseSeen = { shard, epoch: 1, version: 1, ...(ownerId && { ownerId }) }
    return { lease, since: owner?.endsWith('!') ? now - staleMs : now - 100, wantedSince: now - 100 }
  })
  const owned = new Set(owners.flatMap((owner, shard) => (owner === hostId ? [shard] : [])))
  return { hostId, observed, owned, abandoned: new Set(), now, staleMs, renewMs, ...more }
}

const changed = (view: ClusterView, shard: number, change: Partial<LeaseSeen>): ClusterView => ({
  ...view,
  observed: view.observed.map((each) =>
    each.lease.shard === shard ? { ...each, lease: { ...each.lease, ...change } } : each,
  ),
})
const wanted = (view: ClusterView, shard: number, wantedBy: string) => changed(view, shard, { wantedBy })
const offered = (view: ClusterView, shard: number, successor: string) =>
  changed(view, shard, { wantedBy: successor, isLeaving: true })

const claimed = (view: ClusterView) => planLeases(view).claim.map(({ shard }) => shard)

describe('an epoch', () => {
  test.each([
    [0, 1000, 1000],
    [1000, 1000, 1001],
    [5000, 1000, 5001],
  ])('after %d at %d is %d', (previous, at, next) => {
    expect(nextEpoch(previous, at)).toBe(next)
  })
})

describe('an owner', () => {
  it('stops before anybody can take its lease, by a margin', () => {
    expect(ownedUntil(50_000, staleMs)).toBe(50_000 + staleMs - leaseMarginMs(staleMs))
    expect(leaseMarginMs(staleMs)).toBeGreaterThan(3000)
  })
})

describe('watching', () => {
  const lease: LeaseSeen = { shard: 0, epoch: 1, version: 1, ownerId: 'a' }

  it('counts from the first read that showed the lease unchanged', () => {
    const first = watch([], [lease], 100)
    expect(watch(first, [lease], 200)).toEqual([{ lease, since: 100, wantedSince: 100 }])
  })

  test.each([
    ['is renewed', { version: 2 }],
    ['is taken', { epoch: 2, ownerId: 'b' }],
  ])('starts again when it %s', (_, change) => {
    const changed = { ...lease, ...change }
    expect(watch(watch([], [lease], 100), [changed], 200)).toEqual([{ lease: changed, since: 200, wantedSince: 100 }])
  })

  it('does not start again when somebody wants it', () => {
    const changed = { ...lease, wantedBy: 'b' }
    expect(watch(watch([], [lease], 100), [changed], 200)).toEqual([{ lease: changed, since: 100, wantedSince: 200 }])
  })
})

describe('a fair share', () => {
  test.each([
    [16, 1, 16],
    [16, 3, 6],
    [4, 8, 1],
    [4, 0, 4],
  ])('of %d shards among %d hosts is %d', (shards, hosts, share) => {
    expect(fairShare(shards, hosts)).toBe(share)
  })
})

describe('a host claims', () => {
  test.each<[string, readonly (string | undefined)[], readonly number[]]>([
    ['all shards when it is alone', [undefined, undefined, undefined], [0, 1, 2]],
    ['its share of the free ones when others live', [undefined, undefined, 'b', 'b'], [0, 1]],
    ['stale leases by force', ['b!', 'b!', 'a', 'a'], [0, 1]],
    ['no live lease', ['b', 'b', 'b', 'b'], []],
    ['nothing beyond its share', ['a', 'a', undefined, 'b'], []],
  ])('%s', (_, owners, expected) => {
    expect(claimed(viewOf('a', owners))).toEqual(expected)
  })

  it('a lease that has been free for a while, whatever its share', () => {
    const view = viewOf('a', ['a', 'a', undefined, 'b'], { now: now + 2 * renewMs })
    expect(claimed(view)).toEqual([2])
  })

  it('no shard that was released for another host, for a while', () => {
    const view = wanted(viewOf('a', [undefined, 'b']), 0, 'b')
    expect(claimed(view)).toEqual([])
    expect(claimed({ ...view, now: now + 2 * renewMs })).toEqual([0])
  })

  it('at once a shard that was released for it, whatever its share', () => {
    const view = wanted(viewOf('a', ['a', 'a', undefined, 'b']), 2, 'a')
    expect(claimed(view)).toEqual([2])
  })

  it('at once a shard that it has given up but whose lease still names it', () => {
    const view = viewOf('a', ['a', 'b'], { owned: new Set(), abandoned: new Set([0]) })
    expect(claimed(view)).toEqual([0])
  })

  it('a lease with its own name that it does not own only when it is stale', () => {
    const view = viewOf('a', ['a', 'b'], { owned: new Set() })
    expect(claimed(view)).toEqual([])
    expect(claimed({ ...view, now: now + staleMs })).toContain(0)
  })
})

describe('a host wants', () => {
  test.each<[string, readonly (string | undefined)[], number | undefined]>([
    ['a shard of the host with the most shards', ['b', 'c', 'b', 'b'], 0],
    ['nothing when a shard more would only reverse the difference', ['a', 'b', 'b'], undefined],
    ['nothing when it has its share', ['a', 'a', 'b', 'b'], undefined],
    ['nothing of a host that is dead', ['b!', 'b!', 'b!'], undefined],
    ['a shard even of hosts with just their share', ['b', 'b', 'c', 'c'], 0],
  ])('%s', (_, owners, expected) => {
    expect(planLeases(viewOf('a', owners)).want?.shard).toBe(expected)
  })

  it('one shard at a time', () => {
    expect(planLeases(wanted(viewOf('a', ['b', 'b', 'b', 'b']), 2, 'a')).want).toBeUndefined()
  })
})

describe('a host moves', () => {
  it('a shard that is wanted by a host with at least two fewer', () => {
    const view = wanted(viewOf('a', ['a', 'a', 'a', 'b']), 1, 'b')
    expect(planLeases(view).move).toEqual([1])
    expect(planLeases(wanted(view, 2, 'b')).move).toEqual([1, 2])
    expect(planLeases(wanted(viewOf('a', ['a', 'a', 'b']), 1, 'b')).move).toEqual([])
  })

  it('no shard without a request', () => {
    expect(planLeases(viewOf('a', ['a', 'a', 'a', 'b'])).move).toEqual([])
  })
})

describe('a stopping host', () => {
  test.each<[string, readonly (string | undefined)[], readonly string[]]>([
    ['hands its shards to the hosts with the fewest first', ['a', 'a', 'a', 'b', 'b', 'c'], ['c', 'b', 'c']],
    ['gives nothing to the dead', ['a', 'a', 'b!', 'c'], ['c', 'c']],
    ['has no successor when it is the last host', ['a', 'a', 'b!'], []],
  ])('%s', (_, owners, expected) => {
    expect(planHandOff(viewOf('a', owners)).map(({ successor }) => successor)).toEqual(expected)
  })

  it('keeps a live successor, and replaces one that is stopping too', () => {
    const all = viewOf('a', ['a', 'a', 'a', 'b', 'c', 'd'])
    const named = offered(offered(offered(all, 0, 'b'), 1, 'c'), 3, 'a')
    // A request for a shard is not an offer: the host that asked does not expect it now.
    expect(planHandOff(wanted(named, 2, 'c'))).toEqual([
      { shard: 0, successor: 'd' },
      { shard: 2, successor: 'c' },
    ])
  })
})

describe('a host expects a shard', () => {
  const view = wanted(viewOf('a', ['b', 'b', 'b', 'a']), 1, 'a')

  it('that is to be given to it, for a while', () => {
    expect(planLeases(view).expectsShard).toBe(true)
    expect(planLeases({ ...view, now: now + staleMs }).expectsShard).toBe(false)
    expect(planLeases({ ...offered(view, 1, 'a'), now: now + staleMs }).expectsShard).toBe(true)
  })

  it('no more once it has it, nor one that others want', () => {
    expect(planLeases({ ...view, owned: new Set([1, 3]) }).expectsShard).toBe(false)
    expect(planLeases(wanted(viewOf('a', ['b', 'b', 'b', 'a']), 1, 'c')).expectsShard).toBe(false)
  })
})

describe('the next lease to be stale', () => {
  const staleAt = (owners: readonly (string | undefined)[]) => planLeases(viewOf('a', owners)).staleAt
  const since = (view: ClusterView, shard: number, age: number): ClusterView => ({
    ...view,
    observed: view.observed.map((each) => (each.lease.shard === shard ? { ...each, since: now - age } : each)),
  })

  test.each<[string, readonly (string | undefined)[], number | undefined]>([
    ['is one of another host', ['a', 'b'], now - 100 + staleMs],
    ['is none that is stale already', ['a', 'b!'], undefined],
    ['is none of the host itself, and none without an owner', ['a', undefined], undefined],
  ])('%s', (_, owners, at) => {
    expect(staleAt(owners)).toBe(at)
  })

  it('is the one that was seen unchanged for longest', () => {
    const view = since(since(viewOf('a', ['a', 'b', 'c']), 1, 4000), 2, 6000)
    expect(planLeases(view).staleAt).toBe(now - 6000 + staleMs)
  })
})
