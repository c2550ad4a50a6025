/** The item `STATE`: how it is read, and the one conditional write that decides. */
import { randomUUID } from 'node:crypto'
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import { unlessRefused } from '../conditional.ts'
import { count, getItem } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { companyKey, partitionKey, sortKey, stateSortKey } from '../table.ts'
import { StoredCompany } from './company-schema.ts'

const StateItem = v.objectWithRest(
  {
    /** Grows with every decision; 0 for an item that has only given out sequence numbers. */
    rev: v.optional(count, 0),
    /** The last sequence number given out. */
    seq: v.optional(count, 0),
    shard: v.exactOptional(count),
    doc: v.exactOptional(StoredCompany),
  },
  v.unknown(),
)

export type CompanyRow = v.InferOutput<typeof StateItem> & { readonly state: CompanyState }

const companyRowKey = (companyId: string) => ({
  [partitionKey]: companyKey(companyId),
  [sortKey]: stateSortKey,
})

/** Throws when the item is not what this version can read: better no decision than one on half a state. */
export function parseRow(item: unknown): CompanyRow {
  const row = v.parse(StateItem, item ?? {})
  return { ...row, state: row.doc ?? emptyCompany }
}

export const readRow = async (control: ControlTable, companyId: string): Promise<CompanyRow> =>
  parseRow(await getItem(control, companyRowKey(companyId)))

/** What a write leaves behind, so that its sender recognises it when the answer was lost. */
export type WriteMark = { readonly id: string; readonly slot: string }

/**
 * Marks of as many last writes are kept. A write whose answer was lost and that was sent again is refused by its own
 * success; the mark tells this apart from a lost race, also when others have written since.
 */
export const marksKept = 4

export const newMark = (seen: CompanyRow): WriteMark => ({
  id: randomUUID(),
  slot: `mark${(seen.rev + 1) % marksKept}`,
})

/** The row as a write that drew `seq` has left it. */
export const rowAfter = (
  seen: CompanyRow,
  { shard, state, mark, seq }: Omit<StateWrite, 'numbers'> & { readonly seq: number },
): CompanyRow => ({ ...seen, rev: seen.rev + 1, shard, seq, state, [mark.slot]: mark.id, [`${mark.slot}Seq`]: seq })

/** The last sequence number of the write with this mark, if it has landed. */
export function seqOfMark(row: CompanyRow, { id, slot }: WriteMark): number | undefined {
  const seq = row[`${slot}Seq`]
  return row[slot] === id && typeof seq === 'number' ? seq : undefined
}

export type StateWrite = {
  readonly shard: number
  readonly state: CompanyState
  readonly numbers: number
  readonly mark: WriteMark
}

/** Writes a decision on condition that nobody has decided since `seen`; returns the last sequence number it drew. */
export async function writeState(
  { client, table }: ControlTable,
  companyId: string,
  seen: CompanyRow,
  write: StateWrite,
): Promise<number | 'refused'> {
  const draws = 'if_not_exists(#seq, :zero) + :numbers'
  const update = new UpdateCommand({
    TableName: table,
    Key: companyRowKey(companyId),
    UpdateExpression: `SET #doc = :doc, #rev = :next, #shard = :shard, #seq = ${draws}, #mark = :mark, #markSeq = ${draws}`,
    ConditionExpression: isAsSeen(seen),
    ExpressionAttributeNames: {
      '#doc': 'doc',
      '#rev': 'rev',
      '#shard': 'shard',
      '#seq': 'seq',
      '#mark': write.mark.slot,
      '#markSeq': `${write.mark.slot}Seq`,
    },
    ExpressionAttributeValues: {
      ...seenValues(seen),
      ':doc': write.state,
      ':next': seen.rev + 1,
      ':shard': write.shard,
      ':zero': 0,
      ':numbers': write.numbers,
      ':mark': write.mark.id,
    },
    ReturnValues: wholeRow,
  })
  return seqOf(await unlessRefused(client.send(update)))
}

/**
 * Draws sequence numbers for notices that change nothing. It carries the same condition: what is said of a state must
 * not get later numbers than what is said of the next one.
 */
export async function drawNumbers(
  { client, table }: ControlTable,
  companyId: string,
  seen: CompanyRow,
  numbers: number,
): Promise<number | 'refused'> {
  const update = new UpdateCommand({
    TableName: table,
    Key: companyRowKey(companyId),
    UpdateExpression: 'ADD #seq :numbers',
    ConditionExpression: isAsSeen(seen),
    ExpressionAttributeNames: { '#rev': 'rev', '#seq': 'seq' },
    ExpressionAttributeValues: { ...seenValues(seen), ':numbers': numbers },
    ReturnValues: wholeRow,
  })
  return seqOf(await unlessRefused(client.send(update)))
}

/** Draws one number and reads the state, at one instant. */
export async function readAndDraw({ client, table }: ControlTable, companyId: string): Promise<CompanyRow> {
  const update = new UpdateCommand({
    TableName: table,
    Key: companyRowKey(companyId),
    UpdateExpression: 'ADD #seq :one',
    ExpressionAttributeNames: { '#seq': 'seq' },
    ExpressionAttributeValues: { ':one': 1 },
    ReturnValues: wholeRow,
  })
  return parseRow((await client.send(update)).Attributes)
}

/**
 * An engine may leave out of `UPDATED_NEW` what an update has not changed: a decision that draws no number would then find
 * none in the answer. The whole row costs no read.
 */
const wholeRow = 'ALL_NEW'

const isAsSeen = (seen: CompanyRow) => (seen.rev === 0 ? 'attribute_not_exists(#rev)' : '#rev = :seen')
const seenValues = (seen: CompanyRow) => (seen.rev === 0 ? {} : { ':seen': seen.rev })

const Drawn = v.object({ seq: count })
const seqOf = (answer: 'refused' | { Attributes?: unknown }) =>
  answer === 'refused' ? answer : v.parse(Drawn, answer.Attributes).seq
