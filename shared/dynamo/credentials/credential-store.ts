/** `CredentialStore` on DynamoDB: a partition per generation, a stamped item per row. */
import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { inParallel } from '#shared/async/in-parallel.ts'
import { type SerialQueue, serialQueue } from '#shared/async/serial-queue.ts'
import type { CredentialRow, CredentialStore, GenerationRef } from '#shared/ports.ts'
import { batchGet } from '../batch-get.ts'
import { generationKey, partitionKey, sortKey } from '../table.ts'
import { completeJournal, fenceJournal, writeJournalled } from './credential-journal.ts'
import { type CredentialTable, deleteItems, isRowKey, journalKey, loadValue, storeValue } from './credential-parts.ts'
import { parseRow, putRow, type Row, readRow, rowKey, stampRow } from './credential-rows.ts'

type Store = CredentialTable & {
  /** The next write's place among the writes of this process. */
  readonly nextOrder: () => number
}

/** Rows above the size of an item are read and written one by one: they are few, and large. */
const largeAtOnce = 2
/** How often a large row is looked at again that is being replaced while it is read. */
const maxLooks = 5

export function dynamoCredentialStore(table: CredentialTable): CredentialStore {
  const store = { ...table, nextOrder: orderOfProcess() }
  // Two journals of one generation at once would only complete each other.
  const inTurn = serialQueue()
  return {
    load: (ref, key, epoch) => load(store, pkOf(ref), key, epoch),
    read: (ref, keys) => read(store, pkOf(ref), keys),
    write: (ref, rows, epoch) => write(store, inTurn, pkOf(ref), rows, epoch),
    sweep: (ref) => sweep(store, pkOf(ref)),
  }
}

const pkOf = ({ companyId, generation }: GenerationRef) => generationKey(companyId, generation)

type Loaded = Awaited<ReturnType<CredentialStore['load']>>

/** What is not as we write it will not become so by trying again: it is corrupt, and no failure of the store (R9). */
async function load(store: Store, pk: string, key: string, epoch: number): Promise<Loaded> {
  try {
    return await loadRow(store, pk, key, epoch)
  } catch (error) {
    if (v.isValiError(error)) return 'corrupt'
    throw error
  }
}

/**
 * The journal is fenced before it is completed, so that no earlier owner can begin another; the row is stamped last. A
 * generation that has neither is absent and stays so.
 */
async function loadRow(store: Store, pk: string, key: string, epoch: number): Promise<Loaded> {
  const found = await batchGet(store, [rowKey(pk, key), rowKey(pk, journalKey)])
  if (found.length === 0) return 'absent'
  if ((await fenceJournal(store, pk, epoch)) === 'fenced') return 'fenced'
  if ((await completeJournal(store, pk)) === 'corrupt') return 'corrupt'
  const row = await stampRow(store, pk, key, { ep: epoch, n: store.nextOrder() })
  if (row !== 'refused') return (await bytesOf(store, pk, row)) ?? 'absent'
  const now = await readRow(store, pk, key)
  return now && now.stamp.ep > epoch ? 'fenced' : 'absent'
}

async function read(store: Store, pk: string, keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const items = await batchGet(
    store,
    [...new Set(keys)].map((key) => rowKey(pk, key)),
  )
  const entries = await inParallel(items.map(parseRow), largeAtOnce, async (row) => {
    const bytes = await bytesOf(store, pk, row)
    return bytes === undefined ? [] : [[row.key, bytes] as const]
  })
  return new Map(entries.flat())
}

/** A row's bytes. Parts that are missing were replaced meanwhile, and then the row names others. */
async function bytesOf(store: Store, pk: string, row: Row): Promise<Uint8Array | undefined> {
  let look: Row | undefined = row
  for (let looks = 0; look && looks < maxLooks; looks++) {
    const bytes = await loadValue(store, pk, look.key, look.value)
    if (bytes !== undefined || !('parts' in look.value)) return bytes
    look = await readRow(store, pk, look.key)
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
  for (const key of byKey.keys()) if (!isRowKey(key)) throw new Error(`Rows cannot be called ${key}`)
  const stamp = { ep: epoch, n: store.nextOrder() }
  const [first] = byKey.entries()
  if (!first) return 'written'
  if (byKey.size === 1) return putRow(store, pk, first[0], await storeValue(store, pk, ...first, stamp), stamp)
  return inTurn(async () => {
    const entries = await inParallel([...byKey], largeAtOnce, async ([key, bytes]) => ({
      key,
      value: await storeValue(store, pk, key, bytes, stamp),
    }))
    return writeJournalled(store, pk, entries, stamp)
  }, pk)
}

const Key = v.object({ [partitionKey]: v.string(), [sortKey]: v.string() })

/** Deletes page by page from the start: whatever an earlier sweep has left is what this one finds. */
async function sweep(store: Store, pk: string): Promise<number> {
  const page = new QueryCommand({
    TableName: store.table,
    KeyConditionExpression: '#pk = :pk',
    ProjectionExpression: '#pk, #sk',
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

/** Microseconds that grow with every call, by the process's monotonic clock: of one epoch there is one process. */
function orderOfProcess(): () => number {
  let last = 0
  return () => {
    last = Math.max(last + 1, Math.floor((performance.timeOrigin + performance.now()) * 1000))
    return last
  }
}
