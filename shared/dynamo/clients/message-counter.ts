/** Message counters per connection and second of the clock, shared by all functions (R34). */
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import type { ControlTable } from '../shard-companies.ts'
import { partitionKey, rateKey, sortKey, ttlAttribute } from '../table.ts'

export type MessageCounter = {
  /** Counts a message; returns its number within the second (epoch seconds), from 1. */
  count(connectionId: string, second: number): Promise<number>
}

const keptSeconds = 60
const Counted = v.object({ n: v.pipe(v.number(), v.integer()) })

/** Has an item per connection and second: a message costs one unconditional write. TTL removes items at no cost. */
export const dynamoMessageCounter = ({ client, table }: ControlTable): MessageCounter => ({
  async count(connectionId, second) {
    const counted = await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { [partitionKey]: rateKey(connectionId), [sortKey]: String(second) },
        UpdateExpression: 'SET #ttl = :ttl ADD #n :one',
        ExpressionAttributeNames: { '#ttl': ttlAttribute, '#n': 'n' },
        ExpressionAttributeValues: { ':ttl': second + keptSeconds, ':one': 1 },
        ReturnValues: 'ALL_NEW',
      }),
    )
    return v.parse(Counted, counted.Attributes).n
  },
})
