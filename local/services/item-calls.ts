/** The items that a request to DynamoDB names, as IAM sees them: actions, tables and partition keys. */
import * as v from 'valibot'
import { partitionKey } from '#shared/dynamo/table.ts'

/** Items of one table that one action touches. */
export type ItemCall = {
  /** E.g. `GetItem`. */
  readonly action: string
  /** Its name; empty for an operation without one. */
  readonly table: string
  /** Partition keys; undefined for an operation that names none, such as a scan. */
  readonly partitions: readonly string[] | undefined
}

const Key = v.pipe(
  v.object({ [partitionKey]: v.object({ S: v.string() }) }),
  v.transform((key) => key[partitionKey].S),
)
const OnItem = v.object({ TableName: v.string(), Key })
const Put = v.object({ TableName: v.string(), Item: Key })
const Query = v.object({
  TableName: v.string(),
  KeyConditionExpression: v.string(),
  ExpressionAttributeNames: v.optional(v.record(v.string(), v.string()), {}),
  ExpressionAttributeValues: v.record(v.string(), v.unknown()),
})
const BatchGet = v.object({ RequestItems: v.record(v.string(), v.object({ Keys: v.array(Key) })) })
const BatchWrite = v.object({
  RequestItems: v.record(
    v.string(),
    v.array(
      v.union([v.object({ PutRequest: v.object({ Item: Key }) }), v.object({ DeleteRequest: v.object({ Key }) })]),
    ),
  ),
})
const Transaction = v.object({ TransactItems: v.array(v.record(v.string(), v.unknown())) })

/** Returns what a request does. Throws for a body that has not the form of the operation. */
export function itemCalls(operation: string, body: unknown): readonly ItemCall[] {
  switch (operation) {
    case 'GetItem':
    case 'UpdateItem':
    case 'DeleteItem': {
      const { TableName: table, Key: partition } = v.parse(OnItem, body)
      return [{ action: operation, table, partitions: [partition] }]
    }
    case 'PutItem': {
      const { TableName: table, Item: partition } = v.parse(Put, body)
      return [{ action: operation, table, partitions: [partition] }]
    }
    case 'Query':
      return [queryCall(v.parse(Query, body))]
    case 'BatchGetItem':
      return Object.entries(v.parse(BatchGet, body).RequestItems).map(([table, { Keys: partitions }]) => ({
        ...{ action: operation, table, partitions },
      }))
    case 'BatchWriteItem':
      return Object.entries(v.parse(BatchWrite, body).RequestItems).map(([table, requests]) => ({
        ...{ action: operation, table },
        partitions: requests.map((one) => ('PutRequest' in one ? one.PutRequest.Item : one.DeleteRequest.Key)),
      }))
    case 'TransactGetItems':
    case 'TransactWriteItems':
      // IAM asks for the actions of the parts; that of a check is one of its own.
      return v
        .parse(Transaction, body)
        .TransactItems.flatMap((item) => Object.entries(item))
        .flatMap(([kind, part]) =>
          kind === 'ConditionCheck'
            ? itemCalls('GetItem', part).map((call) => ({ ...call, action: 'ConditionCheckItem' }))
            : itemCalls(`${kind}Item`, part),
        )
    default:
      return [{ action: operation, table: v.parse(Named, body).TableName, partitions: undefined }]
  }
}

const Named = v.object({ TableName: v.optional(v.string(), '') })

/** Finds the value that the condition compares the partition key with. */
function queryCall(query: v.InferOutput<typeof Query>): ItemCall {
  const { TableName: table, ExpressionAttributeNames: names, ExpressionAttributeValues: values } = query
  for (const [, name = '', value = ''] of query.KeyConditionExpression.matchAll(/(#?\w+)\s*=\s*(:\w+)/g)) {
    if ((names[name] ?? name) !== partitionKey) continue
    return { action: 'Query', table, partitions: [v.parse(v.object({ S: v.string() }), values[value]).S] }
  }
  throw new Error(`No partition key in ${query.KeyConditionExpression}`)
}
