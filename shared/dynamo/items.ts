/** Shared by all stores: a table, and strongly consistent reads of its items. */
import { type DynamoDBDocumentClient, GetCommand, QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { partitionKey, sortKey } from './table.ts'

/**
 * As much of the SDK's document client as the stores use. Functions have that client (`documentClient`), hosts a lighter
 * one (`lightClient`). Failures are `StoreUnavailable`; refusals have the SDK's names.
 */
export type StoreClient = Pick<DynamoDBDocumentClient, 'send'>

export type Table = { readonly client: StoreClient; readonly table: string }

/** Schema of counters: epochs, versions, revisions, sequence numbers, stamps. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0))

export type ItemKey = { readonly [name: string]: string }

/** Reads one item; undefined when there is none. */
export async function getItem(
  { client, table }: Table,
  key: ItemKey,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  return (await client.send(new GetCommand({ TableName: table, Key: key, ConsistentRead: true }))).Item
}

/** Reads one page of the items of a partition whose sort keys begin with `prefix`, in the order of these keys. */
export const queryItems = (
  { client, table }: Table,
  partition: string,
  prefix: string,
  page: Pick<QueryCommandInput, 'Limit' | 'ExclusiveStartKey'> = {},
) =>
  client.send(
    new QueryCommand({
      TableName: table,
      KeyConditionExpression: '#pk = :pk AND begins_with(#sk, :prefix)',
      ExpressionAttributeNames: { '#pk': partitionKey, '#sk': sortKey },
      ExpressionAttributeValues: { ':pk': partition, ':prefix': prefix },
      ConsistentRead: true,
      ...page,
    }),
  )

/** Splits the items into pieces of at most `size`, for calls that take no more. */
export const inPieces = <T>(items: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
