/** Counters of messages and requests, per caller and second of the clock, shared by all functions (R34). */
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import type { ControlTable } from '../shard-companies.ts'
import { partitionKey, rateKey, sortKey, ttlAttribute } from '../table.ts'

export type RequestCounter = {
  /** Counts a request of the caller; returns its number within the second (epoch seconds), from 1. */
  count(caller: string, second: number): Promise<number>
  /** Returns the number of requests that were counted in the second. */
  countOf(caller: string, second: number): Promise<number>
}

const keptSeconds = 60
const Counted = v.object({ n: v.pipe(v.number(), v.integer()) })

/** Has an item per caller and second: a request costs one unconditional write. TTL removes items at no cost. */
export const dynamoRequestCounter = ({ client, table }: ControlTable): RequestCounter => ({
  async count(caller, second) {
    const counted = await client.send(
      new UpdateCommand({
        TableName: table,
        Key: keyOf(caller, second),
        UpdateExpression: 'SET #ttl = :ttl ADD #n :one',
        ExpressionAttributeNames: { '#ttl': ttlAttribute, '#n': 'n' },
        ExpressionAttributeValues: { ':ttl': second + keptSeconds, ':one': 1 },
        ReturnValues: 'ALL_NEW',
      }),
    )
    return v.parse(Counted, counted.Attributes).n
  },
  async countOf(caller, second) {
    const found = await client.send(
      new GetCommand({ TableName: table, Key: keyOf(caller, second), ConsistentRead: true }),
    )
    return found.Item === undefined ? 0 : v.parse(Counted, found.Item).n
  },
})

const keyOf = (caller: string, second: number) => ({ [partitionKey]: rateKey(caller), [sortKey]: String(second) })
