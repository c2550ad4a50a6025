/**
 * Moves every company to the list of its shard under another number of shards. No host may run meanwhile: a host of the old
 * shard and one of the new shard would both open the company's socket.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { dynamoLeaseStore } from '#shared/dynamo/fleet/lease-store.ts'
import { addToShardIndex, companiesOf, removeFromShardIndex } from '#shared/dynamo/shard-companies.ts'

export type Relisting = {
  readonly client: DynamoDBDocumentClient
  /** The control table. */
  readonly table: string
  readonly from: number
  readonly to: number
}

const pageSize = 100
/** Lower than any revision of a company: a decision about the company that is made at the same time wins over this row. */
const lowestRev = 0
/** A lease that was not renewed for this long belongs to a host that was killed; a running host renews every 3 s. */
const abandonedAfterMs = 60_000

/** Returns how many companies changed lists. Throws, and moves nothing, while a host owns a shard. Can be repeated. */
export async function relistCompanies(relisting: Relisting): Promise<number> {
  await refuseWhileOwned(relisting)
  let moved = 0
  for (let shard = 0; shard < relisting.from; shard++) moved += await relistShard(relisting, shard)
  return moved
}

async function refuseWhileOwned({ client, table, from, to }: Relisting): Promise<void> {
  const leases = await dynamoLeaseStore({ client, table, clock: Date.now }).readAll(Math.max(from, to))
  const owned = leases.filter(({ ownerId, renewedAt }) => ownerId && Date.now() - renewedAt < abandonedAfterMs)
  if (owned.length === 0) return
  const owners = [...new Set(owned.map(({ ownerId }) => ownerId))].join(', ')
  throw new Error(`Stop every host first: ${owners} renewed leases within the last minute`)
}

async function relistShard({ client, table, to }: Relisting, shard: number): Promise<number> {
  let moved = 0
  let after: string | undefined
  do {
    const page = await companiesOf({ client, table }, shard, { limit: pageSize, ...(after !== undefined && { after }) })
    const leaving = page.companyIds.filter((companyId) => shardOf(companyId, to) !== shard)
    await Promise.all(leaving.map((companyId) => move({ client, table }, companyId, shard, shardOf(companyId, to))))
    moved += leaving.length
    after = page.next
  } while (after !== undefined)
  return moved
}

/** Adds the company to the new list before removing it from the old one, so that it is never on none. */
async function move(control: Pick<Relisting, 'client' | 'table'>, companyId: string, from: number, to: number) {
  await addToShardIndex(control, to, companyId, lowestRev)
  await removeFromShardIndex(control, from, companyId, Number.MAX_SAFE_INTEGER)
}
