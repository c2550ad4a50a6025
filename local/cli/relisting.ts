/** Gives every company the shard that it has with another number of shards. Only while no host runs: two of them would hold its socket. */
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
/** Older than any: whoever empties or fills the company at the same time has the last word about its row. */
const oldest = 0
/** A lease that nobody has renewed for so long is left over from a host that was killed; living hosts renew every 3 s. */
const leftOverAfterMs = 60_000

/** Returns how many companies changed lists. Throws, and moves nothing, while a host owns a shard. Can be repeated. */
export async function relistCompanies(relisting: Relisting): Promise<number> {
  await refuseWhileOwned(relisting)
  let moved = 0
  for (let shard = 0; shard < relisting.from; shard++) moved += await relistShard(relisting, shard)
  return moved
}

async function refuseWhileOwned({ client, table, from, to }: Relisting): Promise<void> {
  const leases = await dynamoLeaseStore({ client, table, clock: Date.now }).readAll(Math.max(from, to))
  const owned = leases.filter(({ ownerId, renewedAt }) => ownerId && Date.now() - renewedAt < leftOverAfterMs)
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

/** On both lists for a moment rather than on none. */
async function move(control: Pick<Relisting, 'client' | 'table'>, companyId: string, from: number, to: number) {
  await addToShardIndex(control, to, companyId, oldest)
  await removeFromShardIndex(control, from, companyId, Number.MAX_SAFE_INTEGER)
}
