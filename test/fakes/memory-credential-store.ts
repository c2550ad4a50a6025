/** A credential store in memory that keeps the port's promises: epochs fence, and a write is all or nothing. */
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { CredentialRow, CredentialStore, GenerationRef } from '#shared/ports.ts'
import { outage } from './outage.ts'

export type MemoryCredentialStore = CredentialStore & {
  /** The rows of a generation by key; tests may alter them. */
  rowsOf(ref: GenerationRef): Map<string, Uint8Array>
  /** Makes the stored rows of a generation corrupt. */
  spoil(ref: GenerationRef): void
  /** Every write that succeeded, in order. */
  readonly writes: { readonly ref: GenerationRef; readonly rows: readonly CredentialRow[] }[]
  /** Number of calls of `load` and `read`. */
  reads(): number
  /** Makes every call fail, as when the database is unavailable, until `repair`. */
  breakDown(): void
  repair(): void
}

type Generation = { epoch: number; isCorrupt?: boolean; readonly rows: Map<string, Uint8Array> }

export function memoryCredentialStore(): MemoryCredentialStore {
  const generations = new Map<string, Generation>()
  const writes: MemoryCredentialStore['writes'] = []
  const { controls, answer } = outage(() => new StoreUnavailable('dynamodb', new Error('The store is away')))
  let reads = 0

  const at = ({ companyId, generation }: GenerationRef): Generation => {
    const key = `${companyId}/${generation}`
    const found = generations.get(key) ?? { epoch: 0, rows: new Map() }
    generations.set(key, found)
    return found
  }
  return {
    ...controls,
    writes,
    reads: () => reads,
    rowsOf: (ref) => at(ref).rows,
    spoil(ref) {
      at(ref).isCorrupt = true
    },
    async load(ref, key, epoch) {
      await answer()
      reads += 1
      const stored = at(ref)
      if (stored.epoch > epoch) return 'fenced'
      stored.epoch = epoch
      return stored.isCorrupt ? 'corrupt' : (stored.rows.get(key) ?? 'absent')
    },
    async read(ref, keys) {
      await answer()
      reads += 1
      return new Map([...at(ref).rows].filter(([key]) => keys.includes(key)))
    },
    async sample(ref, limit) {
      await answer()
      return new Map([...at(ref).rows].slice(0, limit))
    },
    async write(ref, rows, epoch) {
      await answer()
      const stored = at(ref)
      if (stored.epoch > epoch) return 'fenced'
      stored.epoch = epoch
      for (const { key, bytes } of rows) {
        if (bytes) stored.rows.set(key, Buffer.from(bytes))
        else stored.rows.delete(key)
      }
      writes.push({ ref, rows })
      return 'written'
    },
    async sweep(ref) {
      await answer()
      const stored = at(ref)
      const { size } = stored.rows
      stored.rows.clear()
      stored.isCorrupt = false
      return size
    },
  }
}
