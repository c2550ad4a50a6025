/**
 * List of a shard's companies, a row for each: a new owner of the shard goes through it. A company that is not empty
 * always has its row: the row is put before the write that fills the company, and removed after the write that empties
 * it.
 *
 * A row carries the revision (`rev`) of the state that it was put for. A process that has emptied a company at revision
 * v removes only rows of earlier revisions. It thus cannot remove the row of a process that has read the empty company
 * and is about to fill it:
 *
 *     A: STATE empty, rev 5 ......................... remove if row.rev < 5: refused
 *     B:      reads rev 5, puts row.rev = 5, STATE rev 6
 */
import { DeleteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import type { CompanyStore } from '#shared/ports.ts'
import { unlessRefused } from './conditional.ts'
import { queryItems, type Table } from './items.ts'
import { companyKey, companySortKeyPrefix, partitionKey, shardKey, sortKey } from './table.ts'

export type ControlTable = Table

const rowKey = (shard: number, companyId: string) => ({
  [partitionKey]: shardKey(shard),
  [sortKey]: companyKey(companyId),
})

/** Puts the company on the list, for the write that follows revision `rev`. */
export async function addToShardIndex({ client, table }: ControlTable, shard: number, companyId: string, rev: number) {
  // An update, which leaves attributes alone that only a newer build knows (R49a).
  const put = new UpdateCommand({
    TableName: table,
    Key: rowKey(shard, companyId),
    UpdateExpression: 'SET #rev = :rev',
    ConditionExpression: 'attribute_not_exists(#rev) OR #rev < :rev',
    ExpressionAttributeNames: { '#rev': 'rev' },
    ExpressionAttributeValues: { ':rev': rev },
  })
  // Refused: the row is there for this revision, or for a later one, and then the write that follows is refused as
  // well.
  await unlessRefused(client.send(put))
}

/** Removes a company from the list that is empty since revision `rev`, unless another process is about to fill it. */
export async function removeFromShardIndex(
  { client, table }: ControlTable,
  shard: number,
  companyId: string,
  rev: number,
) {
  const remove = new DeleteCommand({
    TableName: table,
    Key: rowKey(shard, companyId),
    ConditionExpression: 'attribute_not_exists(#rev) OR #rev < :rev',
    ExpressionAttributeNames: { '#rev': 'rev' },
    ExpressionAttributeValues: { ':rev': rev },
  })
  await unlessRefused(client.send(remove))
}

const ListedRow = v.object({ [sortKey]: v.string() })

/** Returns one page of a shard's companies, by id. */
export async function companiesOf(
  control: ControlTable,
  shard: number,
  { limit, after }: Parameters<CompanyStore['companiesOf']>[1],
): ReturnType<CompanyStore['companiesOf']> {
  const found = await queryItems(control, shardKey(shard), companySortKeyPrefix, {
    Limit: limit,
    ...(after !== undefined && { ExclusiveStartKey: rowKey(shard, after) }),
  })
  const companyIds = (found.Items ?? []).map((item) => v.parse(ListedRow, item).sk.slice(companySortKeyPrefix.length))
  const last = companyIds.at(-1)
  return { companyIds, ...(found.LastEvaluatedKey && last !== undefined && { next: last }) }
}
