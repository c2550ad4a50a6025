/**
 * Values of any size in items of at most 400 KB: the lowest layer of the credential store. Layers, from the top; each
 * uses only those below it:
 *
 *     credential-store     the port: load, read, write, sweep
 *     credential-journal   writes of several rows, all or nothing; journal-codec encodes the journal
 *     credential-rows      one row, written by a conditional write
 *     credential-parts     one value, in its row's item or in part items
 *
 * A large value, and in a set of rows also one of some kilobytes, is stored in part items whose keys contain its version.
 * The item that names the version is written last, by one conditional write, so that a reader gets either the old value
 * or the new one. Parts of a write that was given up stay until the generation is swept, also when it is repeated: the
 * repeat has a version of its own, and the first write may still arrive, with a journal that names its parts.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { inParallel } from '#shared/async/in-parallel.ts'
import { inSlices } from '#shared/async/in-slices.ts'
import type { CredentialRow } from '#shared/ports.ts'
import { batchGet } from '../batch-get.ts'
import { type ItemKey, inPieces, type Table } from '../items.ts'
import { pauseAfter } from '../retries.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { partitionKey, sortKey } from '../table.ts'

export type CredentialTable = Table

/**
 * Stamp that orders the writes of one row, so that a write never replaces a later one, however late it arrives. `epoch`
 * is the writer's epoch (stored as `ep`). `order` is the place among the writes of its process, in microseconds of its
 * monotonic clock (stored as `n`).
 */
export type WriteStamp = { readonly epoch: number; readonly order: number }

/** Place of a value: in its item, in parts, or nowhere (deleted: only the stamp stays). `version` names the parts. */
export type Value =
  | { readonly data: Uint8Array }
  | { readonly parts: number; readonly version: string }
  | { readonly deleted: true }

/** Limit of the bytes in one item, besides its keys and stamp; DynamoDB allows 409,600 in all. */
const maxBytes = 350_000
/** Sort key of a generation's journal. */
export const journalKey = 'journal'
const partPrefix = 'part#'
/** DynamoDB's limit of a sort key, in bytes. */
const maxKeyLength = 1_024
const partsAtOnce = 4
/** Parts in one answer: DynamoDB would put 16 MB into it, and parsing them would hold up all other work. */
const partsPerRead = 4
/** DynamoDB's limit for one call. */
const writesPerCall = 25
const maxUnprocessed = 12

/** True for a valid key of a row: not one that the store reserves, and one that DynamoDB accepts. */
export const isRowKey = (key: string): boolean =>
  key !== '' && key !== journalKey && !key.startsWith(partPrefix) && Buffer.byteLength(key) <= maxKeyLength

/** Bytes. A value of another type was not written by this store; it is read as no bytes, which nobody can decrypt. */
export const Bytes = v.fallback(v.instance(Uint8Array), () => new Uint8Array())

/** Number of parts, limited so that a damaged item cannot make a reader ask for any number of them. */
export const PartCount = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000))

const partKeys = (pk: string, key: string, { parts, version }: { parts: number; version: string }) =>
  Array.from({ length: parts }, (_, index) => ({
    [partitionKey]: pk,
    [sortKey]: `${partPrefix}${key}#${version}#${index}`,
  }))

/** Stores the parts of a value that is larger than an item, like `storeValues`. */
export async function storeValue(
  to: CredentialTable,
  pk: string,
  row: CredentialRow,
  stamp: WriteStamp,
): Promise<Value> {
  const [stored] = await storeValues(to, pk, [row], stamp)
  return stored?.value ?? { deleted: true }
}

/**
 * Stores the parts of the values that have more than `maxInItem` bytes, which no item names yet; the others go into their
 * items. Returns the place of each value.
 */
export async function storeValues(
  to: CredentialTable,
  pk: string,
  rows: readonly CredentialRow[],
  stamp: WriteStamp,
  maxInItem: number = maxBytes,
): Promise<readonly { readonly key: string; readonly value: Value }[]> {
  const version = `${stamp.epoch}-${stamp.order}`
  const parts: Part[] = []
  const stored = await inSlices(rows, ({ key, bytes }) => {
    if (bytes === undefined) return { key, value: { deleted: true } as const }
    if (bytes.length <= maxInItem) return { key, value: { data: bytes } }
    const value = { parts: Math.ceil(bytes.length / maxBytes), version }
    for (const [index, partKey] of partKeys(pk, key, value).entries())
      parts.push({ ...partKey, data: bytes.subarray(index * maxBytes, (index + 1) * maxBytes) })
    return { key, value }
  })
  const puts = (piece: readonly Part[]) =>
    piece.map((part) => ({ PutRequest: { Item: { ...part, ep: stamp.epoch, n: stamp.order } } }))
  await inParallel(inCalls(parts), partsAtOnce, (piece) => writeBatch(to, puts(piece)))
  return stored
}

type Part = { readonly [partitionKey]: string; readonly [sortKey]: string; readonly data: Uint8Array }

/** Splits parts into calls of no more bytes than one item may have. */
function inCalls(parts: readonly Part[]): readonly (readonly Part[])[] {
  const calls: Part[][] = []
  let bytes = 0
  for (const part of parts) {
    const last = calls.at(-1)
    bytes += part.data.length
    if (last && last.length < writesPerCall && bytes <= maxBytes) last.push(part)
    else {
      calls.push([part])
      bytes = part.data.length
    }
  }
  return calls
}

const StoredPart = v.object({ [sortKey]: v.string(), data: Bytes })

/** Returns the bytes of a value; undefined when it is deleted, or when a newer one has replaced its parts. */
export async function loadValue(
  from: CredentialTable,
  pk: string,
  key: string,
  value: Value,
): Promise<Uint8Array | undefined> {
  if ('deleted' in value) return undefined
  if ('data' in value) return value.data
  const keys = partKeys(pk, key, value)
  const answers = await inParallel(inPieces(keys, partsPerRead), 1, (piece) => batchGet(from, piece))
  const found = answers.flat().map((item) => v.parse(StoredPart, item))
  const bySortKey = new Map(found.map((part) => [part.sk, part.data]))
  const data = keys.flatMap((partKey) => bySortKey.get(partKey[sortKey] ?? '') ?? [])
  return data.length === keys.length ? new Uint8Array(Buffer.concat(data)) : undefined
}

/** Deletes the parts of a value that no item names any more. If DynamoDB is unavailable, a sweep does so later. */
export async function dropParts(from: CredentialTable, pk: string, key: string, value: Value): Promise<void> {
  if (!('parts' in value)) return
  try {
    await deleteItems(from, partKeys(pk, key, value))
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
  }
}

/** Deletes items by key, without a condition. */
export async function deleteItems(from: CredentialTable, keys: readonly ItemKey[]): Promise<void> {
  const deletes = (piece: readonly ItemKey[]) => piece.map((Key) => ({ DeleteRequest: { Key } }))
  await inParallel(inPieces(keys, writesPerCall), partsAtOnce, (piece) => writeBatch(from, deletes(piece)))
}

type WriteRequests = NonNullable<ConstructorParameters<typeof BatchWriteCommand>[0]['RequestItems']>[string]

async function writeBatch({ client, table }: CredentialTable, requests: WriteRequests): Promise<void> {
  let missing = requests
  for (let tries = 0; tries < maxUnprocessed; tries++) {
    const answer = await client.send(new BatchWriteCommand({ RequestItems: { [table]: missing } }))
    missing = answer.UnprocessedItems?.[table] ?? []
    if (missing.length === 0) return
    await pause(pauseAfter(tries))
  }
  throw new StoreUnavailable('dynamodb', new Error('Writes stay unprocessed'))
}
