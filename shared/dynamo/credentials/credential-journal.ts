/**
 * All or nothing for many rows: first they stand in the item `journal`, by one fenced write; then they are put in their
 * places; then the journal is emptied. Who finds one that is not empty puts its rows in their places first.
 *
 *     parts of large values ... journal ... row row row ... journal empty
 *              nothing         |                all
 *
 * The item stays, with the highest epoch that has loaded or journalled: whoever comes with a lower one is refused.
 */
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { inParallel } from '#shared/async/in-parallel.ts'
import { unlessRefused } from '../conditional.ts'
import { count, getItem } from '../items.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import {
  type CredentialTable,
  dropParts,
  journalKey,
  loadValue,
  PartCount,
  type Stamp,
  storeValue,
  type Value,
} from './credential-parts.ts'
import { attributesOf, putRow, rowKey, storedValue } from './credential-rows.ts'
import { decodeJournal, encodeJournal, type JournalEntry } from './journal-codec.ts'

const rowsAtOnce = 16
const maxTries = 5

const JournalItem = v.object({
  /** The fence. */
  ep: v.optional(count, 0),
  /** The stamp of the rows in it; absent when it is empty. */
  rowsEp: v.exactOptional(count),
  rowsN: v.exactOptional(count),
  data: v.exactOptional(v.instance(Uint8Array)),
  parts: v.exactOptional(PartCount),
  version: v.exactOptional(v.string()),
})

type Content = { readonly stamp: Stamp; readonly value: Value }
type Journal = { readonly ep: number; readonly content: Content | undefined }

function parseJournal(item: unknown): Journal {
  const { ep, rowsEp, rowsN, ...stored } = v.parse(JournalItem, item ?? {})
  if (rowsEp === undefined || rowsN === undefined) return { ep, content: undefined }
  return { ep, content: { stamp: { ep: rowsEp, n: rowsN }, value: storedValue(stored) } }
}

const readJournal = async (table: CredentialTable, pk: string): Promise<Journal> =>
  parseJournal(await getItem(table, rowKey(pk, journalKey)))

/** Refuses journals of lower epochs from here on. */
export async function fenceJournal(
  { client, table }: CredentialTable,
  pk: string,
  epoch: number,
): Promise<'written' | 'fenced'> {
  const update = new UpdateCommand({
    TableName: table,
    Key: rowKey(pk, journalKey),
    UpdateExpression: 'SET #ep = :ep',
    ConditionExpression: 'attribute_not_exists(#ep) OR #ep <= :ep',
    ExpressionAttributeNames: { '#ep': 'ep' },
    ExpressionAttributeValues: { ':ep': epoch },
  })
  return (await unlessRefused(client.send(update))) === 'refused' ? 'fenced' : 'written'
}

/** Writes many rows, all or nothing as seen by the next load. */
export async function writeJournalled(
  to: CredentialTable,
  pk: string,
  entries: readonly JournalEntry[],
  stamp: Stamp,
): Promise<'written' | 'fenced'> {
  const content = { stamp, value: await storeValue(to, pk, journalKey, encodeJournal(entries), stamp) }
  if ((await commit(to, pk, content)) === 'fenced') {
    await dropParts(to, pk, journalKey, content.value)
    return 'fenced'
  }
  const isFenced = (await putRows(to, pk, entries, stamp)) === 'fenced'
  // Refused rows mean that a higher epoch rules, which has found the journal when it loaded: it is not ours to empty.
  if (!isFenced) await empty(to, pk, content)
  return isFenced ? 'fenced' : 'written'
}

/** The instant from which on the rows are written, whatever happens. */
async function commit(to: CredentialTable, pk: string, content: Content): Promise<'written' | 'fenced'> {
  const { stamp } = content
  for (let tries = 0; tries < maxTries; tries++) {
    if ((await putJournal(to, pk, content)) === 'written') return 'written'
    const found = await readJournal(to, pk)
    if (found.content && isSame(found.content.stamp, stamp)) return 'written'
    if (found.ep > stamp.ep) return 'fenced'
    // The next load finds out, and says so.
    if ((await completeJournal(to, pk)) === 'corrupt') throw new Error('The journal is corrupt')
  }
  throw new StoreUnavailable('dynamodb', new Error('The journal is never empty'))
}

async function putJournal({ client, table }: CredentialTable, pk: string, { stamp, value }: Content) {
  const put = new PutCommand({
    TableName: table,
    Item: {
      ...rowKey(pk, journalKey),
      ep: stamp.ep,
      rowsEp: stamp.ep,
      rowsN: stamp.n,
      ...attributesOf(value),
    },
    ConditionExpression: 'attribute_not_exists(#ep) OR (#ep <= :ep AND attribute_not_exists(#rowsN))',
    ExpressionAttributeNames: { '#ep': 'ep', '#rowsN': 'rowsN' },
    ExpressionAttributeValues: { ':ep': stamp.ep },
  })
  return (await unlessRefused(client.send(put))) === 'refused' ? 'refused' : 'written'
}

/**
 * Puts the rows of an interrupted write in their places, under the stamp of that write: newer rows stay. A journal that
 * makes no sense is left as it is: which of its rows are in their places cannot be known.
 */
export async function completeJournal(to: CredentialTable, pk: string): Promise<'empty' | 'corrupt'> {
  for (let tries = 0; tries < maxTries; tries++) {
    const { content } = await readJournal(to, pk)
    if (!content) return 'empty'
    const bytes = await loadValue(to, pk, journalKey, content.value)
    // Without its parts it has been emptied before: they go last. All its rows are in their places.
    const entries = bytes === undefined ? [] : decodeJournal(bytes)
    if (entries === 'corrupt') return entries
    await putRows(to, pk, entries, content.stamp)
    await empty(to, pk, content)
  }
  throw new StoreUnavailable('dynamodb', new Error('The journal is never empty'))
}

async function putRows(to: CredentialTable, pk: string, entries: readonly JournalEntry[], stamp: Stamp) {
  const results = await inParallel(entries, rowsAtOnce, ({ key, value }) => putRow(to, pk, key, value, stamp))
  return results.includes('fenced') ? 'fenced' : 'written'
}

/** Refused means that somebody else has emptied it. */
async function empty(to: CredentialTable, pk: string, { stamp, value }: Content): Promise<void> {
  const update = new UpdateCommand({
    TableName: to.table,
    Key: rowKey(pk, journalKey),
    UpdateExpression: 'REMOVE #rowsEp, #rowsN, #data, #parts, #version',
    ConditionExpression: '#rowsEp = :rowsEp AND #rowsN = :rowsN',
    ExpressionAttributeNames: {
      '#rowsEp': 'rowsEp',
      '#rowsN': 'rowsN',
      '#data': 'data',
      '#parts': 'parts',
      '#version': 'version',
    },
    ExpressionAttributeValues: { ':rowsEp': stamp.ep, ':rowsN': stamp.n },
  })
  await unlessRefused(to.client.send(update))
  await dropParts(to, pk, journalKey, value)
}

const isSame = (a: Stamp, b: Stamp) => a.ep === b.ep && a.n === b.n
