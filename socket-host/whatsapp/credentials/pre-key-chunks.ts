/**
 * Packs pre-keys into rows. 256 ids are a chunk, 16 of them a piece. What is uploaded at once lies in one big row for
 * each chunk: the 812 pre-keys of a new link take 4 rows. The first change splits a big row into small ones, of a piece
 * each: a big row is 17 KB, which would be written anew, and journalled, for each pre-key that is used.
 *
 * The pre-keys of a piece lie in its small row or in the big row of its chunk, never in both. If both have them all the
 * same (a build that knows no small rows has written), the small row counts, because the big one may hold used pre-keys.
 */

export type PreKey = { readonly public: Uint8Array; readonly private: Uint8Array }
/** Pre-keys of a chunk by slot. The slot is the id modulo 256. */
export type Chunk = ReadonlyMap<number, PreKey>
/** New pre-keys by slot; undefined deletes. */
export type ChunkChanges = ReadonlyMap<number, PreKey | undefined>
/** Rows of a chunk as they are stored; small ones by piece. */
export type ChunkRows = { readonly big: Chunk | undefined; readonly small: ReadonlyMap<number, Chunk> }

const slots = 256
const slotsOfPiece = 16
const keyBytes = 32
/** Bytes of an entry: slot (1), private key (32), public key (32). */
const entryBytes = 1 + 2 * keyBytes

export const bigRow = (chunk: number): string => `pre-key#${chunk}`
export const smallRow = (chunk: number, piece: number): string => `pre-key#${chunk}.${piece}`
export const allPieces = Array.from({ length: slots / slotsOfPiece }, (_, piece) => piece)
const pieceOf = (slot: number): number => Math.floor(slot / slotsOfPiece)
/** Returns the pieces of some slots, each once. */
export const piecesOf = (some: Iterable<number>): readonly number[] => [...new Set(Array.from(some, pieceOf))]

/**
 * True for a pre-key id: a decimal number. Baileys' ids start at 1, but a message from a contact may name any 32-bit
 * id.
 */
export const isPreKeyId = (id: string): boolean => /^\d{1,10}$/.test(id)

/** Returns the chunk and the slot of a pre-key. Throws when the id is not a number. */
export function locate(id: string): { readonly chunk: number; readonly slot: number } {
  if (!isPreKeyId(id)) throw new Error('A pre-key id is not a number')
  return { chunk: Math.floor(Number(id) / slots), slot: Number(id) % slots }
}

/** Groups the changes of one write by chunk; undefined deletes a pre-key. */
export function groupByChunk(
  entries: Iterable<readonly [string, PreKey | undefined]>,
): ReadonlyMap<number, ChunkChanges> {
  const chunks = new Map<number, Map<number, PreKey | undefined>>()
  for (const [id, key] of entries) {
    const { chunk, slot } = locate(id)
    const changes = chunks.get(chunk) ?? new Map<number, PreKey | undefined>()
    chunks.set(chunk, changes.set(slot, key))
  }
  return chunks
}

/** Returns a pre-key of a chunk. */
export const preKeyIn = ({ big, small }: ChunkRows, slot: number): PreKey | undefined =>
  (small.get(pieceOf(slot)) ?? big)?.get(slot)

/**
 * Returns the rows to write, by name; undefined deletes one. The rows must include those of all pieces that the changes
 * touch, and of all pieces in the big row.
 */
export function rowsAfter(
  chunk: number,
  { big, small }: ChunkRows,
  changes: ChunkChanges,
): ReadonlyMap<string, Chunk | undefined> {
  if (!big && small.size === 0 && changes.size > slotsOfPiece) return rowsOf([[bigRow(chunk), applied([], changes)]])
  const kept = [...(big ?? [])].filter(([slot]) => !small.has(pieceOf(slot)))
  const all = applied([...kept, ...[...small.values()].flatMap((row) => [...row])], changes)
  const written = piecesOf([...changes.keys(), ...kept.map(([slot]) => slot)])
  const pieces = written.map((piece) => [smallRow(chunk, piece), pieceIn(all, piece)] as const)
  return rowsOf(big ? [[bigRow(chunk), new Map()], ...pieces] : pieces)
}

const pieceIn = (chunk: Chunk, piece: number): Chunk => new Map([...chunk].filter(([slot]) => pieceOf(slot) === piece))

const rowsOf = (rows: readonly (readonly [string, Chunk])[]) =>
  new Map(rows.map(([name, chunk]) => [name, chunk.size > 0 ? chunk : undefined]))

function applied(entries: Iterable<readonly [number, PreKey]>, changes: ChunkChanges): Chunk {
  const next = new Map(entries)
  for (const [slot, key] of changes) {
    if (key) next.set(slot, key)
    else next.delete(slot)
  }
  return next
}

export function encodeChunk(chunk: Chunk): Buffer {
  return Buffer.concat(
    [...chunk].map(([slot, key]) => {
      if (key.private.length !== keyBytes || key.public.length !== keyBytes)
        throw new Error('A pre-key is not 32 bytes')
      return Buffer.concat([Buffer.of(slot), key.private, key.public])
    }),
  )
}

/** Throws when the bytes are not a chunk. They are authenticated before, so that would be a bug and not an attack. */
export function decodeChunk(bytes: Buffer): Chunk {
  if (bytes.length % entryBytes !== 0) throw new Error('A pre-key chunk has a wrong length')
  const chunk = new Map<number, PreKey>()
  for (let at = 0; at < bytes.length; at += entryBytes) {
    const privateAt = at + 1
    const publicAt = privateAt + keyBytes
    // Copies, so that one key in use does not keep the whole row in memory.
    chunk.set(bytes.readUInt8(at), {
      private: Buffer.from(bytes.subarray(privateAt, publicAt)),
      public: Buffer.from(bytes.subarray(publicAt, publicAt + keyBytes)),
    })
  }
  return chunk
}
