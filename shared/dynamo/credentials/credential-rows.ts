/** Single rows of credentials: each write carries its stamp and never takes the place of a later one (R12). */
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { unlessRefused } from '../conditional.ts'
import { count, getItem } from '../items.ts'
import { partitionKey, sortKey } from '../table.ts'
import { Bytes, type CredentialTable, dropParts, PartCount, type Stamp, type Value } from './credential-parts.ts'

const RowItem = v.object({
  [sortKey]: v.string(),
  ep: v.optional(count, 0),
  n: v.optional(count, 0),
  data: v.exactOptional(Bytes),
  parts: v.exactOptional(v.fallback(PartCount, 0)),
  version: v.exactOptional(v.fallback(v.string(), '')),
})

/** A row as read: where its value is, and who wrote it when. */
export type Row = { readonly key: string; readonly stamp: Stamp; readonly value: Value }

export function parseRow(item: unknown): Row {
  const { sk, ep, n, ...stored } = v.parse(RowItem, item)
  return { key: sk, stamp: { ep, n }, value: storedValue(stored) }
}

export function storedValue({ data, parts, version }: { data?: Uint8Array; parts?: number; version?: string }): Value {
  if (data !== undefined) return { data }
  if (parts !== undefined && version !== undefined) return { parts, version }
  return { deleted: true }
}

/** The attributes of a value; a deleted one leaves only its stamp, or a late write would bring it back. */
export const attributesOf = (value: Value) => ('deleted' in value ? {} : value)

export const rowKey = (pk: string, key: string) => ({ [partitionKey]: pk, [sortKey]: key })

export async function readRow(table: CredentialTable, pk: string, key: string): Promise<Row | undefined> {
  const item = await getItem(table, rowKey(pk, key))
  return item && parseRow(item)
}

/** Nobody of a higher epoch has written, nor this epoch something later. */
const isLast = 'attribute_not_exists(#ep) OR #ep < :ep OR (#ep = :ep AND #n <= :n)'
const stampNames = { '#ep': 'ep', '#n': 'n' }

/** Writes one row. One that this epoch has written later already stays as it is, and counts as written. */
export async function putRow(
  to: CredentialTable,
  pk: string,
  key: string,
  value: Value,
  stamp: Stamp,
): Promise<'written' | 'fenced'> {
  const put = new PutCommand({
    TableName: to.table,
    Item: { ...rowKey(pk, key), ...stamp, ...attributesOf(value) },
    ConditionExpression: isLast,
    ExpressionAttributeNames: stampNames,
    ExpressionAttributeValues: { ':ep': stamp.ep, ':n': stamp.n },
    ReturnValues: 'ALL_OLD',
  })
  const answer = await unlessRefused(to.client.send(put))
  if (answer !== 'refused') {
    if (answer.Attributes) await dropReplaced(to, pk, key, parseRow(answer.Attributes).value, value)
    return 'written'
  }
  const row = await readRow(to, pk, key)
  if (!row) return 'written'
  await dropReplaced(to, pk, key, value, row.value)
  return row.stamp.ep > stamp.ep ? 'fenced' : 'written'
}

/** Drops the parts of a value that its row does not name. It never will again: that would be a write of an older stamp. */
async function dropReplaced(to: CredentialTable, pk: string, key: string, value: Value, named: Value): Promise<void> {
  const isNamed = 'version' in value && 'version' in named && value.version === named.version
  if (!isNamed) await dropParts(to, pk, key, value)
}

/** Puts a reader's stamp on a row that exists, so that its earlier writers are refused from here on. */
export async function stampRow(
  { client, table }: CredentialTable,
  pk: string,
  key: string,
  stamp: Stamp,
): Promise<Row | 'refused'> {
  const update = new UpdateCommand({
    TableName: table,
    Key: rowKey(pk, key),
    UpdateExpression: 'SET #ep = :ep, #n = :n',
    ConditionExpression: `attribute_exists(${partitionKey}) AND (${isLast})`,
    ExpressionAttributeNames: stampNames,
    ExpressionAttributeValues: { ':ep': stamp.ep, ':n': stamp.n },
    ReturnValues: 'ALL_NEW',
  })
  const answer = await unlessRefused(client.send(update))
  return answer === 'refused' ? answer : parseRow(answer.Attributes)
}
