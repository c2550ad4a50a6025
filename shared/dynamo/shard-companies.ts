/**
 * The rows that say which companies a shard has: what a new owner walks through. A company that is not vacant always has
 * its row: it is put before the company's first write and removed after its last one.
 *
 * A row carries the revision of the state that it was put for. Who vacates a company at revision v removes only rows of
 * earlier ones, so that it cannot take the row of somebody who has seen the company vacant and is about to fill it:
 *
 *     A: STATE vacant, rev 5 ........................ remove if row.rev < 5: refused
 *     B:      reads rev 5, puts row.rev = 5, STATE rev 6
 */
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
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

/** Lists a company, for the write that follows revision `rev`. */
export async function addToShardIndex({ client, table }: ControlTable, shard: number, companyId: string, rev: number) {
  const put = new PutCommand({
    TableName: table,
    Item: { ...rowKey(shard, companyId), rev },
    ConditionExpression: 'attribute_not_exists(#rev) OR #rev < :rev',
    ExpressionAttributeNames: { '#rev': 'rev' },
    ExpressionAttributeValues: { ':rev': rev },
  })
  // Refused: it is listed for this revision already, or for a later one, and then the write that follows is refused too.
  await unlessRefused(client.send(put))
}

/** Takes a company off the list that revision `rev` has left vacant, unless somebody is filling it again. */
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

/** One page of a shard's companies, by id. */
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
