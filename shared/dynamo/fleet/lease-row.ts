/** The item `LEASE` of a shard. */
import * as v from 'valibot'
import type { LeaseView } from '#shared/domain/company/view.ts'
import type { Lease } from '#shared/ports.ts'
import { count, getItem } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { leaseSortKey, partitionKey, shardKey, shardKeyPrefix, sortKey } from '../table.ts'

const LeaseItem = v.object({
  epoch: v.optional(count, 0),
  version: v.optional(count, 0),
  owner: v.exactOptional(v.string()),
  wantedBy: v.exactOptional(v.string()),
  isLeaving: v.exactOptional(v.literal(true)),
  renewedAt: v.optional(v.number(), 0),
})

export const leaseRowKey = (shard: number) => ({ [partitionKey]: shardKey(shard), [sortKey]: leaseSortKey })

/** Parses a lease; one that was never claimed has epoch and version 0. */
export function parseLease(shard: number, item: unknown): Lease {
  const { owner, ...row } = v.parse(LeaseItem, item ?? {})
  return { shard, ...row, ...(owner !== undefined && { ownerId: owner }) }
}

export const readLease = async (table: ControlTable, shard: number): Promise<Lease> =>
  parseLease(shard, await getItem(table, leaseRowKey(shard)))

/** Reads a lease for display; undefined when the shard was never claimed. */
export async function readLeaseView(table: ControlTable, shard: number): Promise<LeaseView | undefined> {
  const { epoch, ownerId, renewedAt } = await readLease(table, shard)
  if (epoch === 0) return undefined
  return { epoch, renewedAt, ...(ownerId !== undefined && { ownerId }) }
}

const LeaseKey = v.object({ [partitionKey]: v.string() })

/** Returns the shard of an item `LEASE`. */
export const shardOfLeaseRow = (item: unknown): number =>
  Number(v.parse(LeaseKey, item).pk.slice(shardKeyPrefix.length))
