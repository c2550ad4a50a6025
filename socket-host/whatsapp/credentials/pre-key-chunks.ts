/** Packs pre-keys, 256 ids to a row: the 812 of a new link take 4 rows instead of 812. */

export type PreKey = { readonly public: Uint8Array; readonly private: Uint8Array }
/** Pre-keys of a chunk by slot. The slot is the id modulo 256. */
export type Chunk = ReadonlyMap<number, PreKey>

const slots = 256
const keyBytes = 32
/** Bytes of an entry: slot (1), private key (32), public key (32). */
const entryBytes = 1 + 2 * keyBytes

export const chunkName = (chunk: number): string => `pre-key#${chunk}`

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
): Map<number, Map<number, PreKey | undefined>> {
  const chunks = new Map<number, Map<number, PreKey | undefined>>()
  for (const [id, key] of entries) {
    const { chunk, slot } = locate(id)
    const changes = chunks.get(chunk) ?? new Map<number, PreKey | undefined>()
    chunks.set(chunk, changes.set(slot, key))
  }
  return chunks
}

/** Returns the chunk with the changes applied. */
export function applyChanges(chunk: Chunk, changes: ReadonlyMap<number, PreKey | undefined>): Chunk {
  const next = new Map(chunk)
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
