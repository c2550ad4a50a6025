/** Encoding of a journal: for each row a head, its key, and its value. Used by `credential-journal.ts` alone. */
import * as v from 'valibot'
import { inSlices } from '#shared/async/in-slices.ts'
import { isRowKey, PartCount, type Value } from './credential-parts.ts'

export type JournalEntry = { readonly key: string; readonly value: Value }

const kinds = { deleted: 0, data: 1, parts: 2 } as const
/** Bytes of a head: key length (2), kind of value (1), payload length (4); integers are big-endian. */
const headBytes = 7

export const encodeJournal = async (entries: readonly JournalEntry[]): Promise<Uint8Array> =>
  new Uint8Array(Buffer.concat(await inSlices(entries, encodeEntry)))

function encodeEntry({ key, value }: JournalEntry): Buffer {
  const [kind, payload] = payloadOf(value)
  const keyBytes = Buffer.from(key)
  const head = Buffer.alloc(headBytes)
  head.writeUInt16BE(keyBytes.length, 0)
  head.writeUInt8(kind, 2)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, keyBytes, payload])
}

function payloadOf(value: Value): readonly [number, Uint8Array] {
  if ('deleted' in value) return [kinds.deleted, new Uint8Array()]
  if ('data' in value) return [kinds.data, value.data]
  return [kinds.parts, Buffer.from(JSON.stringify(value))]
}

/** Decodes the rows; `corrupt` when the bytes are not a journal. */
export async function decodeJournal(bytes: Uint8Array): Promise<readonly JournalEntry[] | 'corrupt'> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries = await inSlices(entriesIn(buffer), (entry) => entry)
  return entries.every((entry) => entry !== 'corrupt') ? entries : 'corrupt'
}

function* entriesIn(buffer: Buffer): Generator<JournalEntry | 'corrupt', void> {
  let at = 0
  while (at < buffer.length) {
    const entry = entryAt(buffer, at)
    yield entry === 'corrupt' ? entry : entry.is
    if (entry === 'corrupt') return
    at = entry.end
  }
}

function entryAt(buffer: Buffer, at: number): { readonly is: JournalEntry; readonly end: number } | 'corrupt' {
  const keyAt = at + headBytes
  if (keyAt > buffer.length) return 'corrupt'
  const payloadAt = keyAt + buffer.readUInt16BE(at)
  const end = payloadAt + buffer.readUInt32BE(at + 3)
  if (end > buffer.length) return 'corrupt'
  const key = buffer.toString('utf8', keyAt, payloadAt)
  const value = decodeValue(buffer.readUInt8(at + 2), buffer.subarray(payloadAt, end))
  return isRowKey(key) && value ? { is: { key, value }, end } : 'corrupt'
}

const Parts = v.pipe(v.string(), v.parseJson(), v.object({ parts: PartCount, version: v.string() }))

function decodeValue(kind: number, payload: Buffer): Value | undefined {
  switch (kind) {
    case kinds.deleted:
      return { deleted: true }
    case kinds.data:
      return { data: new Uint8Array(payload) }
    case kinds.parts: {
      const parts = v.safeParse(Parts, payload.toString())
      return parts.success ? parts.output : undefined
    }
    default:
      return undefined
  }
}
