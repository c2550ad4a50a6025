/** A shard's item `LEASE`. */
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import type { LeaseView } from '#shared/domain/view.ts'
import type { Lease } from '#shared/ports.ts'
import type { ControlTable } from './shard-companies.ts'
import { leaseSortKey, partitionKey, shardKey, shardKeyPrefix, sortKey } from './table.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))

const LeaseItem = v.object({
  epoch: v.optional(count, 0),
  version: v.optional(count, 0),
  owner: v.exactOptional(v.string()),
  wantedBy: v.exactOptional(v.string()),
  isLeaving: v.exactOptional(v.literal(true)),
  renewedAt: v.optional(v.number(), 0),
})

export const leaseRowKey = (shard: number) => ({ [partitionKey]: shardKey(shard), [sortKey]: leaseSortKey })

/** A lease as stored; one that was never claimed has epoch and version 0. */
export function parseLease(shard: number, item: unknown): Lease {
  const { owner, ...row } = v.parse(LeaseItem, item ?? {})
  return { shard, ...row, ...(owner !== undefined && { ownerId: owner }) }
}

export async function readLease({ client, table }: ControlTable, shard: number): Promise<Lease> {
  const found = await client.send(new GetCommand({ TableName: table, Key: leaseRowKey(shard), ConsistentRead: true }))
  return parseLease(shard, found.Item)
}

/** A lease for display; undefined when the shard was never claimed. */
export async function readLeaseView(table: ControlTable, shard: number): Promise<LeaseView | undefined> {
  const { epoch, ownerId, renewedAt } = await readLease(table, shard)
  if (epoch === 0) return undefined
  return { epoch, renewedAt, ...(ownerId !== undefined && { ownerId }) }
}

const LeaseKey = v.object({ [partitionKey]: v.string() })

/** Which shard's lease an item is. */
export const shardOfLeaseRow = (item: unknown): number =>
  Number(v.parse(LeaseKey, item).pk.slice(shardKeyPrefix.length))
