/** The item `STATE`: its reads, and the conditional write of a decision. Used by `company-store.ts` alone. */
import { randomUUID } from 'node:crypto'
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import { unlessRefused } from '../conditional.ts'
import { count, getItem } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { companyKey, partitionKey, sortKey, stateSortKey } from '../table.ts'
import { parseState } from './company-schema.ts'

const StateItem = v.objectWithRest(
  {
    /** Counts the written decisions about the company; 0 for an item that has only drawn sequence numbers. */
    rev: v.optional(count, 0),
    /** Counts the frames for the company's clients: the last sequence number drawn. */
    seq: v.optional(count, 0),
    /** Shard of the company at the last written decision: its list has the company unless that is empty. */
    shard: v.exactOptional(count),
    /** The state. */
    doc: v.exactOptional(v.pipe(v.unknown(), v.transform(parseState))),
  },
  v.unknown(),
)

/** The item as read; its marks are among the attributes that have no schema. */
export type CompanyRow = v.InferOutput<typeof StateItem> & { readonly state: CompanyState }

const companyRowKey = (companyId: string) => ({
  [partitionKey]: companyKey(companyId),
  [sortKey]: stateSortKey,
})

/** Parses the item. A state that this build does not understand is `foreign`; other attributes must be as expected. */
export function parseRow(item: unknown): CompanyRow {
  const row = v.parse(StateItem, item ?? {})
  return { ...row, state: row.doc ?? emptyCompany }
}

export const readRow = async (control: ControlTable, companyId: string): Promise<CompanyRow> =>
  parseRow(await getItem(control, companyRowKey(companyId)))

/**
 * Mark of a write: a random id that a written decision leaves in the item, in one of four attributes (`slot`). A writer
 * that got no answer looks for its own mark, to learn whether its write succeeded.
 */
export type WriteMark = { readonly id: string; readonly slot: string }

/**
 * Number of marks that the item keeps, those of the last writes. When the answer to a write is lost and the SDK sends
 * it again, its own success makes the second one fail; the mark tells this apart from a write by somebody else, even
 * after further writes.
 */
export const keptMarks = 4

/** Makes the mark of the write that follows `seen`. */
export const newWriteMark = (seen: CompanyRow): WriteMark => ({
  id: randomUUID(),
  slot: `mark${(seen.rev + 1) % keptMarks}`,
})

/** Returns the row as it is after a write on `seen` that drew `seq`. */
export const rowAfter = (
  seen: CompanyRow,
  { shard, state, mark, seq }: Omit<StateWrite, 'numbers'> & { readonly seq: number },
): CompanyRow => ({ ...seen, rev: seen.rev + 1, shard, seq, state, [mark.slot]: mark.id, [`${mark.slot}Seq`]: seq })

/** Returns the last sequence number of the write with this mark; undefined if the row does not have the mark. */
export function seqOfWrite(row: CompanyRow, { id, slot }: WriteMark): number | undefined {
  const seq = row[`${slot}Seq`]
  return row[slot] === id && typeof seq === 'number' ? seq : undefined
}

/** A decision to write; `numbers` is how many sequence numbers it draws. */
export type StateWrite = {
  readonly shard: number
  readonly state: CompanyState
  readonly numbers: number
  readonly mark: WriteMark
}

/** Writes a decision on condition that none was written since `seen`; returns the last sequence number that it drew. */
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
 * Draws sequence numbers for the notices of a decision that changes nothing. It has the same condition as a write:
 * frames about a state must not get later numbers than frames about the next state.
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

/** Draws one sequence number and reads the state, in one call. */
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
 * `UPDATED_NEW` would not do: some engines leave unchanged attributes out of it, and `seq` is unchanged when a decision
 * draws no number. The whole row costs no extra read.
 */
const wholeRow = 'ALL_NEW'

const isAsSeen = (seen: CompanyRow) => (seen.rev === 0 ? 'attribute_not_exists(#rev)' : '#rev = :seen')
const seenValues = (seen: CompanyRow) => (seen.rev === 0 ? {} : { ':seen': seen.rev })

const Drawn = v.object({ seq: count })
const seqOf = (answer: 'refused' | { Attributes?: unknown }) =>
  answer === 'refused' ? answer : v.parse(Drawn, answer.Attributes).seq
