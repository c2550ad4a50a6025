import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shardOf } from '#shared/domain/fleet/shard.ts'

/** Pinned shards. If they changed, the hosts that have these companies' sessions would no longer see them. */
test.each([
  ['1001', 16, 0],
  ['1002', 16, 15],
  ['1002', 4, 3],
  ['company-1', 16, 10],
])('%s of %i shards is in %i', (companyId, shards, shard) => {
  expect(shardOf(companyId, shards)).toBe(shard)
})

test('a company always has one of the shards', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 1024 }), (companyId, shards) => {
      const shard = shardOf(companyId, shards)
      expect(Number.isInteger(shard) && shard >= 0 && shard < shards).toBe(true)
      expect(shardOf(companyId, shards)).toBe(shard)
    }),
  )
})

test.each([
  ['consecutive numbers', (i: number) => String(990_000 + i)],
  ['a common prefix', (i: number) => `company-${i}`],
  ['a common suffix', (i: number) => `${i}_salon`],
])('ids with %s spread evenly', (_, idOf) => {
  for (const shards of [2, 4, 16, 64]) {
    const counts = new Array<number>(shards).fill(0)
    for (let i = 0; i < shards * 500; i++) counts[shardOf(idOf(i), shards)]! += 1
    expect(Math.min(...counts)).toBeGreaterThan(400)
    expect(Math.max(...counts)).toBeLessThan(600)
  }
})
