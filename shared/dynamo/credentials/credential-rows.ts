/**
 * Single rows of credentials: above `credential-parts.ts`, below `credential-journal.ts`. Each write carries a stamp
 * and never replaces a later one (R12).
 */
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { unlessRefused } from '../conditional.ts'
import { count, getItem } from '../items.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { partitionKey, sortKey } from '../table.ts'
import { Bytes, type CredentialTable, dropParts, PartCount, type Value, type WriteStamp } from './credential-parts.ts'

const RowItem = v.looseObject({
  [sortKey]: v.string(),
  ep: v.optional(count, 0),
  n: v.optional(count, 0),
  data: v.exactOptional(Bytes),
  parts: v.exactOptional(v.fallback(PartCount, 0)),
  version: v.exactOptional(v.fallback(v.string(), '')),
})

const stampAttributes: readonly string[] = [partitionKey, sortKey, 'ep', 'n']

/** A row as read: the place of its value, and the stamp of its last write. */
export type Row = {
  readonly key: string
  readonly stamp: WriteStamp
  readonly value: Value
  /** It has no value that this build knows, and more than the stamp of a deleted one: perhaps one of a newer build. */
  readonly isUnknown?: true
}

/** Parses an item; throws a `ValiError` when its stamp is not one. */
export function parseRow(item: unknown): Row {
  const stored = v.parse(RowItem, item)
  const value = storedValue(stored)
  const isUnknown = 'deleted' in value && Object.keys(stored).some((name) => !stampAttributes.includes(name))
  return { key: stored.sk, stamp: { epoch: stored.ep, order: stored.n }, value, ...(isUnknown && { isUnknown }) }
}

/** Returns the value that an item's attributes describe; an item without any has been deleted. */
export function storedValue({ data, parts, version }: { data?: Uint8Array; parts?: number; version?: string }): Value {
  if (data !== undefined) return { data }
  if (parts !== undefined && version !== undefined) return { parts, version }
  return { deleted: true }
}

/** Attributes of a value. A deleted one keeps its item, with the stamp alone, or a late write would restore it. */
export const attributesOf = (value: Value) => ('deleted' in value ? {} : value)

export const rowKey = (pk: string, key: string) => ({ [partitionKey]: pk, [sortKey]: key })

export async function readRow(table: CredentialTable, pk: string, key: string): Promise<Row | undefined> {
  const item = await getItem(table, rowKey(pk, key))
  return item && parseRow(item)
}

/** Attributes of a stamp. */
const attributesOfStamp = ({ epoch, order }: WriteStamp) => ({ ep: epoch, n: order })

/** Condition of a write: no higher epoch has written, and this epoch has not written anything later. */
const isNewest = 'attribute_not_exists(#ep) OR #ep < :ep OR (#ep = :ep AND #n <= :n)'
const stampNames = { '#ep': 'ep', '#n': 'n' }

/** Writes one row. If this epoch has already written a later value, that stays, and this write counts as written. */
export async function putRow(
  to: CredentialTable,
  pk: string,
  key: string,
  value: Value,
  stamp: WriteStamp,
): Promise<'written' | 'fenced'> {
  const put = new PutCommand({
    TableName: to.table,
    Item: { ...rowKey(pk, key), ...attributesOfStamp(stamp), ...attributesOf(value) },
    ConditionExpression: isNewest,
    ExpressionAttributeNames: stampNames,
    ExpressionAttributeValues: { ':ep': stamp.epoch, ':n': stamp.order },
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
  return row.stamp.epoch > stamp.epoch ? 'fenced' : 'written'
}

/** Deletes the parts of a value that its row does not name. No later write will name them: its stamp would be older. */
async function dropReplaced(to: CredentialTable, pk: string, key: string, value: Value, named: Value): Promise<void> {
  const isNamed = 'version' in value && 'version' in named && value.version === named.version
  if (!isNamed) await dropParts(to, pk, key, value)
}

/**
 * Deletes the parts of a value that no write will name from now on, unless its row names them already. If DynamoDB is
 * unavailable, a sweep does so later.
 */
export async function dropUnnamed(from: CredentialTable, pk: string, key: string, value: Value): Promise<void> {
  if (!('parts' in value)) return
  try {
    const row = await readRow(from, pk, key)
    await dropReplaced(from, pk, key, value, row?.value ?? { deleted: true })
  } catch (error) {
    // A row that is damaged may name the parts.
    if (!(error instanceof StoreUnavailable) && !v.isValiError(error)) throw error
  }
}

/** Puts a reader's stamp on an existing row, so that writes with an earlier one are refused from here on. */
export async function fenceRow(
  { client, table }: CredentialTable,
  pk: string,
  key: string,
  stamp: WriteStamp,
): Promise<Row | 'refused'> {
  const update = new UpdateCommand({
    TableName: table,
    Key: rowKey(pk, key),
    UpdateExpression: 'SET #ep = :ep, #n = :n',
    ConditionExpression: `attribute_exists(${partitionKey}) AND (${isNewest})`,
    ExpressionAttributeNames: stampNames,
    ExpressionAttributeValues: { ':ep': stamp.epoch, ':n': stamp.order },
    ReturnValues: 'ALL_NEW',
  })
  const answer = await unlessRefused(client.send(update))
  return answer === 'refused' ? answer : parseRow(answer.Attributes)
}
