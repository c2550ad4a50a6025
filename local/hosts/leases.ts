/** Which host holds what, read from the control table as the hosts write it. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { beatSortKey, hostKey, leaseSortKey, partitionKey, shardKey, sortKey } from '#shared/dynamo/table.ts'

const Lease = v.object({ owner: v.optional(v.string()) })
const Beat = v.object({ sessions: v.optional(v.number(), 0), at: v.optional(v.number()) })

/** The owner of each shard; undefined for one that nobody owns. */
export async function shardOwners(
  client: DynamoDBClient,
  table: string,
  shards: number,
): Promise<readonly (string | undefined)[]> {
  const read = async (shard: number) =>
    v.parse(Lease, await getItem(client, table, shardKey(shard), leaseSortKey)).owner
  return Promise.all(Array.from({ length: shards }, (_, shard) => read(shard)))
}

/** The sessions that a host says it holds, and when it said so (epoch ms): it does within a second of each change. */
export type SessionCount = { readonly sessions: number; readonly at?: number | undefined }

/** How many sessions a host holds; none before it has said anything. */
export async function sessionsOf(client: DynamoDBClient, table: string, hostId: string): Promise<SessionCount> {
  return v.parse(Beat, await getItem(client, table, hostKey(hostId), beatSortKey))
}

async function getItem(client: DynamoDBClient, table: string, pk: string, sk: string): Promise<object> {
  const command = new GetCommand({
    TableName: table,
    Key: { [partitionKey]: pk, [sortKey]: sk },
    ConsistentRead: true,
  })
  return (await client.send(command)).Item ?? {}
}
