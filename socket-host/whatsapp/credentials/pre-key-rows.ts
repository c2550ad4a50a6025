/** Reads pre-keys from their rows, and turns changes of pre-keys into rows; `pre-key-chunks.ts` describes the rows. */
import {
  allPieces,
  bigRow,
  type ChunkRows,
  decodeChunk,
  encodeChunk,
  groupByChunk,
  isPreKeyId,
  locate,
  type PreKey,
  piecesOf,
  preKeyIn,
  rowsAfter,
  smallRow,
} from './pre-key-chunks.ts'

type Found = ReadonlyMap<string, Buffer>
/** Reads rows by name and decrypts them. Absent rows are left out; one that cannot be decrypted has no bytes. */
type ReadRows = (names: readonly string[]) => Promise<Found>

/** Returns the pre-keys that exist, by id. An id that is not a number has none. */
export async function readPreKeys(readRows: ReadRows, ids: readonly string[]): Promise<ReadonlyMap<string, PreKey>> {
  const wanted = groupByChunk(ids.filter(isPreKeyId).map((id) => [id, undefined]))
  const found = await readRows([...wanted].flatMap(([chunk, slots]) => namesOf(chunk, slots.keys())))
  const chunks = new Map([...wanted.keys()].map((chunk) => [chunk, rowsIn(found, chunk)]))
  const keys = ids.filter(isPreKeyId).flatMap((id) => {
    const { chunk, slot } = locate(id)
    const rows = chunks.get(chunk)
    const key = rows && preKeyIn(rows, slot)
    return key ? [[id, key] as const] : []
  })
  return new Map(keys)
}

/** Returns the rows that a write of pre-keys changes, by name; undefined deletes one. */
export async function changedPreKeyRows(
  readRows: ReadRows,
  entries: Iterable<readonly [string, PreKey | undefined]>,
): Promise<ReadonlyMap<string, Buffer | undefined>> {
  const chunks = groupByChunk(entries)
  const names = [...chunks].flatMap(([chunk, changes]) => namesOf(chunk, changes.keys()))
  const touched = await readRows(names)
  // A small row that lies beside a big one must not be replaced by what the big one still has of its piece.
  const others = [...chunks.keys()].flatMap((chunk) => namesOf(chunk, rowsIn(touched, chunk).big?.keys() ?? []))
  const found = new Map([...touched, ...(await readRows(others.filter((name) => !names.includes(name))))])
  const rows = [...chunks].flatMap(([chunk, changes]) => [...rowsAfter(chunk, rowsIn(found, chunk), changes)])
  return new Map(rows.map(([name, chunk]) => [name, chunk && encodeChunk(chunk)]))
}

/** Returns the names of the rows in which pre-keys of these slots may lie. */
const namesOf = (chunk: number, slots: Iterable<number>): readonly string[] => [
  bigRow(chunk),
  ...piecesOf(slots).map((piece) => smallRow(chunk, piece)),
]

function rowsIn(found: Found, chunk: number): ChunkRows {
  const big = found.get(bigRow(chunk))
  const small = allPieces.flatMap((piece) => {
    const bytes = found.get(smallRow(chunk, piece))
    return bytes ? [[piece, decodeChunk(bytes)] as const] : []
  })
  return { big: big && decodeChunk(big), small: new Map(small) }
}
