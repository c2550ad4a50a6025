/** Shards and sessions of hosts, read from the leases and heartbeats that the hosts write to the control table. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { heartbeatSortKey, hostKey, leaseSortKey, partitionKey, shardKey, sortKey } from '#shared/dynamo/table.ts'
import type { ShardLease } from './rest.ts'

const Lease = v.object({
  owner: v.optional(v.string()),
  wantedBy: v.optional(v.string()),
  isLeaving: v.optional(v.boolean()),
})
const Heartbeat = v.object({ sessions: v.optional(v.number(), 0), at: v.optional(v.number()) })

/** Returns the lease of each shard. */
export async function shardLeases(
  client: DynamoDBClient,
  table: string,
  shards: number,
): Promise<readonly ShardLease[]> {
  const read = async (shard: number) => v.parse(Lease, await getItem(client, table, shardKey(shard), leaseSortKey))
  return Promise.all(Array.from({ length: shards }, (_, shard) => read(shard)))
}

/**
 * Number of sessions in a host's heartbeat, and the time of the heartbeat (epoch ms). A host writes it within a second
 * of each change.
 */
export type SessionCount = { readonly sessions: number; readonly at?: number | undefined }

/** Returns the number of sessions of a host; 0 before its first heartbeat. */
export async function sessionsOf(client: DynamoDBClient, table: string, hostId: string): Promise<SessionCount> {
  return v.parse(Heartbeat, await getItem(client, table, hostKey(hostId), heartbeatSortKey))
}

async function getItem(client: DynamoDBClient, table: string, pk: string, sk: string): Promise<object> {
  const command = new GetCommand({
    TableName: table,
    Key: { [partitionKey]: pk, [sortKey]: sk },
    ConsistentRead: true,
  })
  return (await client.send(command)).Item ?? {}
}
