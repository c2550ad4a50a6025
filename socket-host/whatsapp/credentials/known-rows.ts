/**
 * Rows of a generation that need not be read, because this session has written them itself. Each of them bears the
 * session's own stamp: no request that arrives late can replace it, so that it is what the store has. Rows that were only
 * read are not kept: a late write of the previous owner may still replace those. Goes with the session's credentials (R13).
 */

/** Limits of what is kept (R65): enough for the rows that each login reads and writes. */
const maxRows = 16
const maxBytes = 8_192
/** Limit of the names that are kept of a generation that this session has begun. */
const maxNames = 64

/** A row before its encryption; `undefined` for a deleted one. */
export type PlainRow = { readonly key: string; readonly plaintext: Uint8Array | undefined }

/** Returns the bytes alone: a small `Buffer` is a view that keeps the whole pool of Node in memory (R68). */
export const unpooled = <Given extends Uint8Array | undefined>(bytes: Given): Given | Uint8Array =>
  !bytes || bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)

export type KnownRows = {
  /** Returns the row if it is known: its bytes, or `absent`. */
  find(key: string): Uint8Array | 'absent' | undefined
  /** True when the row is stored with these bytes. A deleted one never is: its late writes need a newer stamp. */
  isStored(row: PlainRow): boolean
  /** Call before the rows are written: until `written`, nobody knows what the store has. */
  writing(rows: readonly PlainRow[]): void
  written(rows: readonly PlainRow[]): void
}

/**
 * `begun`: nothing was stored in the generation before, so that a row that was never written is absent. `stored` are
 * rows that bear the stamp of this session already.
 */
export function knownRows({ begun, stored = [] }: { begun?: boolean; stored?: readonly PlainRow[] }): KnownRows {
  /** In the order of their use. */
  const known = new Map<string, Uint8Array | undefined>()
  let bytes = 0
  /** Every row that may exist; undefined when that is not known. */
  let names = begun ? new Set<string>() : undefined

  function forget(key: string): void {
    bytes -= known.get(key)?.length ?? 0
    known.delete(key)
  }
  function keep({ key, plaintext }: PlainRow): void {
    forget(key)
    if ((plaintext?.length ?? 0) > maxBytes) return
    known.set(key, plaintext && unpooled(plaintext))
    bytes += plaintext?.length ?? 0
    for (const oldest of known.keys()) {
      if (known.size <= maxRows && bytes <= maxBytes) return
      forget(oldest)
    }
  }

  stored.forEach(keep)
  return {
    find(key) {
      if (!known.has(key)) return names && !names.has(key) ? 'absent' : undefined
      const plaintext = known.get(key)
      keep({ key, plaintext })
      return plaintext ?? 'absent'
    },
    isStored({ key, plaintext }) {
      const before = known.get(key)
      return before !== undefined && plaintext !== undefined && Buffer.compare(before, plaintext) === 0
    },
    writing(rows) {
      if (names && names.size + rows.length > maxNames) names = undefined
      for (const { key } of rows) {
        names?.add(key)
        forget(key)
      }
    },
    written(rows) {
      for (const row of rows.slice(-maxRows)) keep(row)
    },
  }
}
