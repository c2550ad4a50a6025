/**
 * Writes of several rows, all or nothing: above `credential-rows.ts` and `credential-parts.ts`, below
 * `credential-store.ts`. First one conditional write puts all rows into the item `journal`; then each row is written to
 * its own item; then the journal is emptied. A load that finds a journal with rows writes them to their items first.
 *
 *     parts of large values ... journal ... row row row ... journal empty
 *       a load finds nothing   |       a load finds all rows
 *
 * The item `journal` stays, with the stamp of the latest load or journal: those of a lower epoch are refused, and so are
 * journals of the same epoch that were begun earlier, however late they arrive.
 */
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
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
  storeValue,
  type Value,
  type WriteStamp,
} from './credential-parts.ts'
import { attributesOf, dropUnnamed, putRow, rowKey, storedValue } from './credential-rows.ts'
import { decodeJournal, encodeJournal, type JournalEntry } from './journal-codec.ts'

/**
 * Rows of one set that are written at the same time. An address book is a set of 20,000 rows: of the 256 connections that
 * all companies of a host share, and of its one thread, 50 such sets at once must leave enough for the others (R62).
 */
const rowsAtOnce = 4
const maxTries = 5

const JournalItem = v.object({
  /** Highest epoch that has loaded or journalled. */
  ep: v.optional(count, 0),
  /** Highest order that has loaded or journalled in that epoch; earlier builds do not write it. */
  n: v.optional(count, 0),
  /** Stamp of the rows in it; absent when it is empty. */
  rowsEp: v.exactOptional(count),
  rowsN: v.exactOptional(count),
  data: v.exactOptional(v.instance(Uint8Array)),
  parts: v.exactOptional(PartCount),
  version: v.exactOptional(v.string()),
})

/** Rows in the journal: their stamp, and the place of their encoded bytes. */
type Content = { readonly stamp: WriteStamp; readonly value: Value }
/** The item: `latest` is the stamp of the latest load or journal. */
export type Journal = { readonly latest: WriteStamp; readonly content: Content | undefined }

function parseJournal(item: unknown): Journal {
  const { ep, n, rowsEp, rowsN, ...stored } = v.parse(JournalItem, item ?? {})
  const latest = { epoch: ep, order: n }
  if (rowsEp === undefined || rowsN === undefined) return { latest, content: undefined }
  return { latest, content: { stamp: { epoch: rowsEp, order: rowsN }, value: storedValue(stored) } }
}

const readJournal = async (table: CredentialTable, pk: string): Promise<Journal> =>
  parseJournal(await getItem(table, rowKey(pk, journalKey)))

/** True for the stamp of no item, of an earlier epoch, or of this one and no later order. */
const isLatest = 'attribute_not_exists(#ep) OR #ep < :ep OR (#ep = :ep AND (attribute_not_exists(#n) OR #n <= :n))'

/**
 * Raises the journal's stamp, so that journals of lower epochs, and earlier ones of this epoch, are refused from here on.
 * Returns the journal, for `completeJournal`.
 */
export async function fenceJournal(table: CredentialTable, pk: string, stamp: WriteStamp): Promise<Journal | 'fenced'> {
  const update = new UpdateCommand({
    TableName: table.table,
    Key: rowKey(pk, journalKey),
    UpdateExpression: 'SET #ep = :ep, #n = :n',
    ConditionExpression: isLatest,
    ExpressionAttributeNames: { '#ep': 'ep', '#n': 'n' },
    ExpressionAttributeValues: { ':ep': stamp.epoch, ':n': stamp.order },
    ReturnValues: 'ALL_NEW',
  })
  const answer = await unlessRefused(table.client.send(update))
  if (answer !== 'refused') return parseJournal(answer.Attributes)
  // A later order of the same epoch fences just as well.
  const found = await readJournal(table, pk)
  return found.latest.epoch > stamp.epoch ? 'fenced' : found
}

/** Writes several rows, all or nothing for the next load. Two calls for one generation must not run at once. */
export async function writeJournalled(
  to: CredentialTable,
  pk: string,
  entries: readonly JournalEntry[],
  stamp: WriteStamp,
): Promise<'written' | 'fenced'> {
  const content = {
    stamp,
    value: await storeValue(to, pk, { key: journalKey, bytes: await encodeJournal(entries) }, stamp),
  }
  if ((await commit(to, pk, content)) === 'fenced') {
    await dropParts(to, pk, journalKey, content.value)
    // A journal of this stamp is refused from now on. If an earlier try was journalled, its rows were written before the
    // journal was emptied: they name their parts, or have been replaced.
    await inParallel(entries, rowsAtOnce, ({ key, value }) => dropUnnamed(to, pk, key, value))
    return 'fenced'
  }
  const isFenced = (await putRows(to, pk, entries, stamp)) === 'fenced'
  // Refused rows mean that a higher epoch has loaded and completed the journal: only that host may empty it.
  if (!isFenced) await empty(to, pk, content)
  return isFenced ? 'fenced' : 'written'
}

/** Puts the rows into the journal. Once this write has succeeded, every later load sees all rows. */
async function commit(to: CredentialTable, pk: string, content: Content): Promise<'written' | 'fenced'> {
  const { stamp } = content
  for (let tries = 0; tries < maxTries; tries++) {
    if ((await putJournal(to, pk, content)) === 'written') return 'written'
    const found = await readJournal(to, pk)
    if (found.content && isSame(found.content.stamp, stamp)) return 'written'
    if (isAfter(found.latest, stamp)) return 'fenced'
    // The next load finds the same and returns `corrupt`.
    if ((await completeJournal(to, pk, found)) === 'corrupt') throw new Error('The journal is corrupt')
  }
  throw new StoreUnavailable('dynamodb', new Error('The journal is never empty'))
}

async function putJournal({ client, table }: CredentialTable, pk: string, { stamp, value }: Content) {
  const attributes = {
    ep: stamp.epoch,
    n: stamp.order,
    rowsEp: stamp.epoch,
    rowsN: stamp.order,
    ...attributesOf(value),
  }
  const set = Object.keys(attributes)
  const removed = ['data', 'parts', 'version'].filter((name) => !set.includes(name))
  const changes = [`SET ${set.map((name) => `#${name} = :${name}`)}`, `REMOVE ${removed.map((name) => `#${name}`)}`]
  // An update, which leaves attributes alone that only a newer build knows (R49a).
  const put = new UpdateCommand({
    TableName: table,
    Key: rowKey(pk, journalKey),
    UpdateExpression: changes.join(' '),
    ConditionExpression: `(${isLatest}) AND attribute_not_exists(#rowsN)`,
    ExpressionAttributeNames: Object.fromEntries([...set, ...removed].map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(Object.entries(attributes).map(([name, is]) => [`:${name}`, is])),
  })
  return (await unlessRefused(client.send(put))) === 'refused' ? 'refused' : 'written'
}

/**
 * Completes an interrupted write: writes the journal's rows to their items, with the stamp of that write, so that newer
 * rows stay. A corrupt journal is left as it is: nobody can tell how many of its rows were written. `found` is the
 * journal as it was just read.
 */
export async function completeJournal(to: CredentialTable, pk: string, found: Journal): Promise<'empty' | 'corrupt'> {
  let journal = found
  for (let tries = 0; tries < maxTries; tries++) {
    const { content } = journal
    if (!content) return 'empty'
    const bytes = await loadValue(to, pk, journalKey, content.value)
    // Its parts are deleted after it was emptied: if they are gone, all of its rows were written.
    const entries = bytes === undefined ? [] : await decodeJournal(bytes)
    if (entries === 'corrupt') return entries
    await putRows(to, pk, entries, content.stamp)
    await empty(to, pk, content)
    journal = await readJournal(to, pk)
  }
  throw new StoreUnavailable('dynamodb', new Error('The journal is never empty'))
}

async function putRows(to: CredentialTable, pk: string, entries: readonly JournalEntry[], stamp: WriteStamp) {
  const results = await inParallel(entries, rowsAtOnce, ({ key, value }) => putRow(to, pk, key, value, stamp))
  return results.includes('fenced') ? 'fenced' : 'written'
}

/** Empties the journal. A refused write means that another process has emptied it already. */
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
    ExpressionAttributeValues: { ':rowsEp': stamp.epoch, ':rowsN': stamp.order },
  })
  await unlessRefused(to.client.send(update))
  await dropParts(to, pk, journalKey, value)
}

const isSame = (a: WriteStamp, b: WriteStamp) => a.epoch === b.epoch && a.order === b.order
const isAfter = (a: WriteStamp, b: WriteStamp) => a.epoch > b.epoch || (a.epoch === b.epoch && a.order > b.order)
