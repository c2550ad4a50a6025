/** Conditional writes: the only place that catches a condition that did not hold. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import type { Table } from './items.ts'

/** Returns the result of a write, or `refused` when its condition did not hold. */
export async function unlessRefused<T>(write: Promise<T>): Promise<T | 'refused'> {
  try {
    return await write
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return 'refused'
    throw error
  }
}

/**
 * Puts a row that counts its changes in `rev`, if nobody has changed it since `seenRev` was read; 0 for a row that did not
 * exist. False when somebody has.
 */
export async function putAtRevision({ client, table }: Table, row: object, seenRev: number): Promise<boolean> {
  const command = new PutCommand({
    TableName: table,
    Item: { ...row },
    ConditionExpression: 'attribute_not_exists(rev) OR rev = :seen',
    ExpressionAttributeValues: { ':seen': seenRev },
  })
  return (await unlessRefused(client.send(command))) !== 'refused'
}
