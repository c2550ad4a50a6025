/** Conditional writes: the only place that catches a condition that did not hold. */
import { randomUUID } from 'node:crypto'
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { getItem, type Table } from './items.ts'
import { partitionKey, sortKey } from './table.ts'

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
 * exist. False when somebody has. A client repeats a put whose answer was lost, and its own success then refuses it: the
 * attribute `writer` tells this put from those of others, unless somebody has put the next revision since.
 */
export async function putAtRevision(
  { client, table }: Table,
  row: Readonly<Record<typeof partitionKey | typeof sortKey, string> & Record<string, unknown>>,
  seenRev: number,
): Promise<boolean> {
  const writer = randomUUID()
  const command = new PutCommand({
    TableName: table,
    Item: { ...row, writer },
    ConditionExpression: 'attribute_not_exists(rev) OR rev = :seen',
    ExpressionAttributeValues: { ':seen': seenRev },
  })
  if ((await unlessRefused(client.send(command))) !== 'refused') return true
  const found = await getItem({ client, table }, { [partitionKey]: row[partitionKey], [sortKey]: row[sortKey] })
  return found?.['writer'] === writer
}
