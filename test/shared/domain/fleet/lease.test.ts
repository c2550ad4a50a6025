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

/** Shards by owner: `'a'` renews, `'a!'` has not for too long, `undefined` has given up just now. */
function outlook(
  hostId: string,
  owners: readonly (string | undefined)[],
  more: Partial<ClusterView> = {},
): ClusterView {
  const sightings = owners.map((mark, shard): ObservedLease => {
    const ownerId = mark?.replace('!', '')
    const lease: LeaseSeen = { shard, epoch: 1, version: 1, ...(ownerId && { ownerId }) }
    return { lease, since: mark?.endsWith('!') ? now - staleMs : now - 100, wantedSince: now - 100 }
  })
  const owned = new Set(owners.flatMap((mark, shard) => (mark === hostId ? [shard] : [])))
  return { hostId, observed: sightings, owned, abandoned: new Set(), now, staleMs, renewMs, ...more }
}

const changed = (view: ClusterView, shard: number, change: Partial<LeaseSeen>): ClusterView => ({
  ...view,
  observed: view.observed.map((each) =>
    each.lease.shard === shard ? { ...each, lease: { ...each.lease, ...change } } : each,
  ),
})
const wanted = (view: ClusterView, shard: number, wantedBy: string) => changed(view, shard, { wantedBy })
const bequeathed = (view: ClusterView, shard: number, heir: string) =>
  changed(view, shard, { wantedBy: heir, isLeaving: true })

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

  it('counts from the first time that a lease looked so', () => {
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
    expect(claimed(outlook('a', owners))).toEqual(expected)
  })

  it('what has been free for long, whatever its share', () => {
    const view = outlook('a', ['a', 'a', undefined, 'b'], { now: now + 2 * renewMs })
    expect(claimed(view)).toEqual([2])
  })

  it('no shard that was given up for another host, for a while', () => {
    const view = wanted(outlook('a', [undefined, 'b']), 0, 'b')
    expect(claimed(view)).toEqual([])
    expect(claimed({ ...view, now: now + 2 * renewMs })).toEqual([0])
  })

  it('at once what was given up for it, whatever its share', () => {
    const view = wanted(outlook('a', ['a', 'a', undefined, 'b']), 2, 'a')
    expect(claimed(view)).toEqual([2])
  })

  it('at once what stands under its name though it has given it up', () => {
    const view = outlook('a', ['a', 'b'], { owned: new Set(), abandoned: new Set([0]) })
    expect(claimed(view)).toEqual([0])
  })

  it('nothing of a namesake that it knows nothing about until it is stale', () => {
    const view = outlook('a', ['a', 'b'], { owned: new Set() })
    expect(claimed(view)).toEqual([])
    expect(claimed({ ...view, now: now + staleMs })).toContain(0)
  })
})

describe('a host wants', () => {
  test.each<[string, readonly (string | undefined)[], number | undefined]>([
    ['a shard of the richest', ['b', 'c', 'b', 'b'], 0],
    ['nothing when a gift would only turn the tables', ['a', 'b', 'b'], undefined],
    ['nothing when it has its share', ['a', 'a', 'b', 'b'], undefined],
    ['nothing of a host that is dead', ['b!', 'b!', 'b!'], undefined],
    ['a shard even of hosts with just their share', ['b', 'b', 'c', 'c'], 0],
  ])('%s', (_, owners, expected) => {
    expect(planLeases(outlook('a', owners)).want?.shard).toBe(expected)
  })

  it('one shard at a time', () => {
    expect(planLeases(wanted(outlook('a', ['b', 'b', 'b', 'b']), 2, 'a')).want).toBeUndefined()
  })
})

describe('a host hands over', () => {
  it('a shard that is wanted by one with at least two fewer', () => {
    expect(planLeases(wanted(outlook('a', ['a', 'a', 'a', 'b']), 1, 'b')).handOver).toBe(1)
    expect(planLeases(wanted(outlook('a', ['a', 'a', 'b']), 1, 'b')).handOver).toBeUndefined()
  })

  it('nothing that nobody wants', () => {
    expect(planLeases(outlook('a', ['a', 'a', 'a', 'b'])).handOver).toBeUndefined()
  })
})

describe('a host that leaves', () => {
  test.each<[string, readonly (string | undefined)[], readonly string[]]>([
    ['shares its shards out, the poorest first', ['a', 'a', 'a', 'b', 'b', 'c'], ['c', 'b', 'c']],
    ['gives nothing to the dead', ['a', 'a', 'b!', 'c'], ['c', 'c']],
    ['has no heir when it is the last one', ['a', 'a', 'b!'], []],
  ])('%s', (_, owners, expected) => {
    expect(planHandOff(outlook('a', owners)).map(({ successor: heir }) => heir)).toEqual(expected)
  })

  it('leaves what has a living heir to it, and names another for what was left to one that leaves too', () => {
    const all = outlook('a', ['a', 'a', 'a', 'b', 'c', 'd'])
    const named = bequeathed(bequeathed(bequeathed(all, 0, 'b'), 1, 'c'), 3, 'a')
    // What somebody has asked for on other days does not tell them to look out for it now.
    expect(planHandOff(wanted(named, 2, 'c'))).toEqual([
      { shard: 0, heir: 'd' },
      { shard: 2, heir: 'c' },
    ])
  })
})

describe('a host expects a shard', () => {
  const view = wanted(outlook('a', ['b', 'b', 'b', 'a']), 1, 'a')

  it('that is to be given to it, for a while', () => {
    expect(planLeases(view).expectsShard).toBe(true)
    expect(planLeases({ ...view, now: now + staleMs }).expectsShard).toBe(false)
    expect(planLeases({ ...bequeathed(view, 1, 'a'), now: now + staleMs }).expectsShard).toBe(true)
  })

  it('no more once it has it, nor one that others want', () => {
    expect(planLeases({ ...view, owned: new Set([1, 3]) }).expectsShard).toBe(false)
    expect(planLeases(wanted(outlook('a', ['b', 'b', 'b', 'a']), 1, 'c')).expectsShard).toBe(false)
  })
})
