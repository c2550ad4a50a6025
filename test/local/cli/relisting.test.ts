import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { dynamoLeaseStore } from '#shared/dynamo/fleet/lease-store.ts'
import { addToShardIndex, companiesOf } from '#shared/dynamo/shard-companies.ts'
import { relistCompanies } from '../../../local/cli/relisting.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../contracts/engines/engines.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

/** Enough companies for more than one page per shard. */
const companyIds = Array.from({ length: 300 }, (_, i) => `company-${i}`)

async function tableWith(shards: number): Promise<Table> {
  const table = await createTable(connect(engine))
  await Promise.all(companyIds.map((companyId) => addToShardIndex(table, shardOf(companyId, shards), companyId, 5)))
  return table
}

const everyList = async (table: Table, shards: number) =>
  Promise.all(
    Array.from({ length: shards }, async (_, shard) => (await companiesOf(table, shard, { limit: 1000 })).companyIds),
  )

describe('relisting', () => {
  it.each([
    [2, 8],
    [8, 3],
  ])('from %d to %d shards leaves every company on the list of its new shard, and on no other', async (from, to) => {
    const table = await tableWith(from)
    const moving = companyIds.filter((companyId) => shardOf(companyId, from) !== shardOf(companyId, to))
    expect(await relistCompanies({ ...table, from, to })).toBe(moving.length)
    const lists = await everyList(table, Math.max(from, to))
    for (const [shard, list] of lists.entries())
      expect(list.toSorted()).toEqual(companyIds.filter((companyId) => shardOf(companyId, to) === shard).toSorted())
    expect(await relistCompanies({ ...table, from, to })).toBe(0)
  })

  it('moves nothing while a host owns a shard', async () => {
    const table = await tableWith(2)
    const before = await everyList(table, 4)
    const leases = dynamoLeaseStore({ ...table, clock: Date.now })
    const claimed = await leases.claim((await leases.readAll(2))[1]!, 'host-1', Date.now(), Date.now())
    await expect(relistCompanies({ ...table, from: 2, to: 4 })).rejects.toThrow('Stop every host first: host-1')
    expect(await everyList(table, 4)).toEqual(before)
    await leases.release(claimed!)
    expect(await relistCompanies({ ...table, from: 2, to: 4 })).toBeGreaterThan(0)
  })

  it('does not wait for a host that was killed', async () => {
    const table = await tableWith(2)
    const leases = dynamoLeaseStore({ ...table, clock: Date.now })
    const longAgo = Date.now() - 61_000
    await leases.claim((await leases.readAll(2))[0]!, 'host-1', longAgo, longAgo)
    expect(await relistCompanies({ ...table, from: 2, to: 4 })).toBeGreaterThan(0)
  })
})
