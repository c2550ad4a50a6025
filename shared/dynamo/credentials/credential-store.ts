/**
 * `CredentialStore` on DynamoDB: a partition per generation, an item per row. The top layer; below it are
 * `credential-journal.ts`, `credential-rows.ts` and `credential-parts.ts`, which describes the layers.
 */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { inParallel } from '#shared/async/in-parallel.ts'
import { inSlices } from '#shared/async/in-slices.ts'
import { type SerialQueue, serialQueue } from '#shared/async/serial-queue.ts'
import type { CredentialRow, CredentialStore, GenerationRef } from '#shared/ports.ts'
import { batchGet } from '../batch-get.ts'
import { generationKey, partitionKey, sortKey } from '../table.ts'
import { completeJournal, fenceJournal, writeJournalled } from './credential-journal.ts'
import {
  type CredentialTable,
  deleteItems,
  isRowKey,
  journalKey,
  loadValue,
  storeValue,
  storeValues,
} from './credential-parts.ts'
import { fenceRow, parseRow, putRow, type Row, readRow, rowKey } from './credential-rows.ts'

type Store = CredentialTable & {
  /** Draws the `order` of the next stamp: the write's place among the writes of this process. */
  readonly nextOrder: () => number
}

/** Values that are read at the same time: each may be larger than an item, and there are few of those. */
const largeAtOnce = 2
/**
 * Limit of the bytes of a value that the journal carries. Larger ones of a set go into parts at once, and the journal
 * names them: filling and emptying it would cost the units of their size twice more.
 */
const maxInJournal = 8_000
/** Limit of the reads of a large row that is replaced while it is read. */
const maxReads = 5

export function dynamoCredentialStore(table: CredentialTable): CredentialStore {
  const store = { ...table, nextOrder: orderOfProcess() }
  // A generation has one journal: two writes at once would only complete each other's rows.
  const inTurn = serialQueue()
  return {
    load: (ref, key, epoch) => load(store, pkOf(ref), key, epoch),
    read: (ref, keys) => read(store, pkOf(ref), keys),
    sample: (ref, limit) => sample(store, pkOf(ref), limit),
    write: (ref, rows, epoch) => write(store, inTurn, pkOf(ref), rows, epoch),
    sweep: (ref) => sweep(store, pkOf(ref)),
  }
}

const pkOf = ({ companyId, generation }: GenerationRef) => generationKey(companyId, generation)

type Loaded = Awaited<ReturnType<CredentialStore['load']>>

/** Loads a row. An item that cannot be parsed is corrupt (R9): trying again would not help. */
async function load(store: Store, pk: string, key: string, epoch: number): Promise<Loaded> {
  try {
    return await loadRow(store, pk, key, epoch)
  } catch (error) {
    if (v.isValiError(error)) return 'corrupt'
    throw error
  }
}

/**
 * Raises the journal's stamp before completing the journal, so that no earlier owner can begin another one, and stamps
 * the row last. A generation that has neither row nor journal is absent, and nothing is written to it.
 */
async function loadRow(store: Store, pk: string, key: string, epoch: number): Promise<Loaded> {
  const found = await batchGet(store, [rowKey(pk, key), rowKey(pk, journalKey)])
  if (found.length === 0) return 'absent'
  const stamp = { epoch, order: store.nextOrder() }
  const journal = await fenceJournal(store, pk, stamp)
  if (journal === 'fenced') return 'fenced'
  if ((await completeJournal(store, pk, journal)) === 'corrupt') return 'corrupt'
  const row = await fenceRow(store, pk, key, stamp)
  // As absent, good credentials would count as damaged (R47, R49a).
  if (row !== 'refused') return row.isUnknown ? 'corrupt' : ((await bytesOf(store, pk, row)) ?? 'absent')
  // Refused by a later stamp: of a higher epoch, or by a later write of this very host, whose row is then the one to load.
  const now = await readRow(store, pk, key)
  if (now && now.stamp.epoch > epoch) return 'fenced'
  return (now && (await bytesOf(store, pk, now))) ?? 'absent'
}

async function read(store: Store, pk: string, keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const items = await batchGet(
    store,
    [...new Set(keys)].map((key) => rowKey(pk, key)),
  )
  const rows = await inSlices(items, parseRow)
  const small = rows.flatMap(({ key, value }) => ('data' in value ? [[key, value.data] as const] : []))
  const large = rows.filter(({ value }) => 'parts' in value)
  const values = await inParallel(large, largeAtOnce, async (row) => {
    const bytes = await bytesOf(store, pk, row)
    return bytes === undefined ? [] : [[row.key, bytes] as const]
  })
  return new Map([...small, ...values.flat()])
}

/** Returns a row's bytes. If parts are missing, the row was replaced and names others: reads it again. */
async function bytesOf(store: Store, pk: string, row: Row): Promise<Uint8Array | undefined> {
  let current: Row | undefined = row
  for (let reads = 0; current && reads < maxReads; reads++) {
    const bytes = await loadValue(store, pk, current.key, current.value)
    if (bytes !== undefined || !('parts' in current.value)) return bytes
    current = await readRow(store, pk, current.key)
  }
  return undefined
}

async function write(
  store: Store,
  inTurn: SerialQueue,
  pk: string,
  rows: readonly CredentialRow[],
  epoch: number,
): Promise<'written' | 'fenced'> {
  const byKey = new Map(rows.map((row) => [row.key, row.bytes]))
  const stamp = { epoch, order: store.nextOrder() }
  const [first] = byKey.entries()
  if (!first) return 'written'
  if (byKey.size === 1) {
    const [key, bytes] = first
    assertRowKey(key)
    return putRow(store, pk, key, await storeValue(store, pk, { key, bytes }, stamp), stamp)
  }
  // Nothing is awaited before: writes must take their turns in the order in which they were called.
  return inTurn(async () => {
    const set = await inSlices(byKey, ([key, bytes]) => {
      assertRowKey(key)
      return { key, bytes }
    })
    return writeJournalled(store, pk, await storeValues(store, pk, set, stamp, maxInJournal), stamp)
  }, pk)
}

function assertRowKey(key: string): void {
  if (!isRowKey(key)) throw new Error(`Not a valid key of a row: ${key}`)
}

async function sample(store: Store, pk: string, limit: number): Promise<ReadonlyMap<string, Uint8Array>> {
  const page = new QueryCommand({
    TableName: store.table,
    KeyConditionExpression: '#pk = :pk',
    ExpressionAttributeNames: { '#pk': partitionKey },
    ExpressionAttributeValues: { ':pk': pk },
    Limit: limit,
    // Parts come before pre-keys and sessions in the order of the keys. Those that no row names must not be all there is.
    ScanIndexForward: false,
  })
  const items = (await store.client.send(page)).Items ?? []
  const rows = items.flatMap((item) => {
    try {
      return [parseRow(item)]
    } catch (error) {
      if (v.isValiError(error)) return []
      throw error
    }
  })
  const some = rows.filter(({ key, value }) => isRowKey(key) && !('parts' in value && value.parts > 1))
  const values = await inParallel(some, largeAtOnce, async (row) => {
    const bytes = await bytesOf(store, pk, row)
    return bytes === undefined ? [] : [[row.key, bytes] as const]
  })
  return new Map(values.flat())
}

/** Keys of one page. A page of small rows could hold 10,000, and parsing them would hold up all other work (R62). */
const keysPerSweep = 500
const Key = v.object({ [partitionKey]: v.string(), [sortKey]: v.string() })

/** Deletes page by page, always from the start, so that it continues where an earlier sweep stopped. */
async function sweep(store: Store, pk: string): Promise<number> {
  const page = new QueryCommand({
    TableName: store.table,
    KeyConditionExpression: '#pk = :pk',
    ProjectionExpression: '#pk, #sk',
    Limit: keysPerSweep,
    ExpressionAttributeNames: { '#pk': partitionKey, '#sk': sortKey },
    ExpressionAttributeValues: { ':pk': pk },
    ConsistentRead: true,
  })
  let swept = 0
  while (true) {
    const keys = ((await store.client.send(page)).Items ?? []).map((item) => v.parse(Key, item))
    if (keys.length === 0) return swept
    await deleteItems(store, keys)
    swept += keys.length
  }
}

/** Makes a source of growing microseconds by the process's monotonic clock; an epoch has one process only. */
function orderOfProcess(): () => number {
  let last = 0
  return () => {
    last = Math.max(last + 1, Math.floor((performance.timeOrigin + performance.now()) * 1000))
    return last
  }
}
