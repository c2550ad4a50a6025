/**
 * Values of any size in items of at most 400 KB. A large value lies in part items whose keys carry its version, and the
 * item that names the version is written last, by one conditional write: a reader has one version or the other.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { BatchWriteCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { inParallel } from '#shared/async/in-parallel.ts'
import { batchGet } from '../batch-get.ts'
import { type ItemKey, inPieces, type Table } from '../items.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { partitionKey, sortKey } from '../table.ts'

export type CredentialTable = Table

/** Who wrote, and when among its own writes: a write never takes the place of a later one, however late it arrives. */
export type Stamp = { readonly ep: number; readonly n: number }

/** Where a value is: in its item, in parts, or nowhere (deleted: only the stamp stays). */
export type Value =
  | { readonly data: Uint8Array }
  | { readonly parts: number; readonly version: string }
  | { readonly deleted: true }

/** Bytes that an item holds besides its keys and stamps; DynamoDB allows 409,600 in all. */
const maxBytes = 350_000
/** Sort key of a generation's journal. */
export const journalKey = 'journal'
const partPrefix = 'part#'
/** Bytes that DynamoDB allows a sort key. */
const maxKeyLength = 1_024
const partsAtOnce = 4
const deletesPerCall = 25
const maxUnprocessed = 6
const pauseMs = 50

/** Whether a row may be called so: some names are ours, some are none that DynamoDB takes. */
export const isRowKey = (key: string): boolean =>
  key !== '' && key !== journalKey && !key.startsWith(partPrefix) && Buffer.byteLength(key) <= maxKeyLength

/** Bytes; what is of another type was not written by us, and is read as none: nobody can decrypt that, whoever asks again. */
export const Bytes = v.fallback(v.instance(Uint8Array), () => new Uint8Array())

/** How many parts a value may claim to have: no more than anybody will ever read. */
export const PartCount = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000))

const partKeys = (pk: string, key: string, { parts, version }: { parts: number; version: string }) =>
  Array.from({ length: parts }, (_, index) => ({
    [partitionKey]: pk,
    [sortKey]: `${partPrefix}${key}#${version}#${index}`,
  }))

/** Puts the parts of a large value, which nobody sees yet; a small one needs nothing. */
export async function storeValue(
  { client, table }: CredentialTable,
  pk: string,
  key: string,
  bytes: Uint8Array | undefined,
  { ep, n }: Stamp,
): Promise<Value> {
  if (bytes === undefined) return { deleted: true }
  if (bytes.length <= maxBytes) return { data: bytes }
  const value = { parts: Math.ceil(bytes.length / maxBytes), version: `${ep}-${n}` }
  await inParallel([...partKeys(pk, key, value).entries()], partsAtOnce, async ([index, partKey]) => {
    const data = bytes.subarray(index * maxBytes, (index + 1) * maxBytes)
    await client.send(new PutCommand({ TableName: table, Item: { ...partKey, ep, n, data } }))
  })
  return value
}

const Part = v.object({ [sortKey]: v.string(), data: Bytes })

/** The bytes of a value; undefined when it is deleted, or when its parts are gone because a newer version took over. */
export async function loadValue(
  from: CredentialTable,
  pk: string,
  key: string,
  value: Value,
): Promise<Uint8Array | undefined> {
  if ('deleted' in value) return undefined
  if ('data' in value) return value.data
  const keys = partKeys(pk, key, value)
  const found = (await batchGet(from, keys)).map((item) => v.parse(Part, item))
  const bySortKey = new Map(found.map((part) => [part.sk, part.data]))
  const data = keys.flatMap((partKey) => bySortKey.get(partKey[sortKey] ?? '') ?? [])
  return data.length === keys.length ? new Uint8Array(Buffer.concat(data)) : undefined
}

/** Deletes the parts of a value that nothing names any more. What cannot be deleted goes with its generation. */
export async function dropParts(from: CredentialTable, pk: string, key: string, value: Value): Promise<void> {
  if (!('parts' in value)) return
  try {
    await deleteItems(from, partKeys(pk, key, value))
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
  }
}

/** Deletes items by key, whoever wrote them. */
export async function deleteItems(from: CredentialTable, keys: readonly ItemKey[]): Promise<void> {
  await inParallel(inPieces(keys, deletesPerCall), partsAtOnce, (piece) => deletePiece(from, piece))
}

async function deletePiece({ client, table }: CredentialTable, keys: readonly ItemKey[]): Promise<void> {
  let requests: NonNullable<ConstructorParameters<typeof BatchWriteCommand>[0]['RequestItems']>[string] = keys.map(
    (Key) => ({ DeleteRequest: { Key } }),
  )
  for (let tries = 0; tries < maxUnprocessed; tries++) {
    const answer = await client.send(new BatchWriteCommand({ RequestItems: { [table]: requests } }))
    requests = answer.UnprocessedItems?.[table] ?? []
    if (requests.length === 0) return
    await pause(pauseMs * 2 ** tries)
  }
  throw new StoreUnavailable('dynamodb', new Error('Deletes stay unprocessed'))
}
