/**
 * Cache of the rows that this process read or wrote last, an option of `company-store.ts`. A host makes many decisions
 * about a company during a pairing, and the row is most likely as it left it. The condition of the next write finds out
 * if not: the cache saves a read, never a check.
 */
import type { CompanyRow } from './company-row.ts'

export type WrittenRows = {
  /** Removes and returns the row, if it was read or written within the last five seconds. */
  take(companyId: string): CompanyRow | undefined
  /** Remembers a row that was just read or written. */
  keep(companyId: string, row: CompanyRow): void
}

/** Long enough for most steps of a pairing; an older row is likely to be stale. */
const keptMs = 5_000

/** Makes an empty cache; `now` is monotonic, in ms. */
export function writtenRows(now: () => number): WrittenRows {
  /** In the order of the reads and writes. */
  const rows = new Map<string, { readonly row: CompanyRow; readonly at: number }>()

  const forgetOld = () => {
    for (const [companyId, { at }] of rows) {
      if (now() - at < keptMs) return
      rows.delete(companyId)
    }
  }
  return {
    take(companyId) {
      forgetOld()
      const kept = rows.get(companyId)
      rows.delete(companyId)
      return kept?.row
    },
    keep(companyId, row) {
      forgetOld()
      rows.delete(companyId)
      rows.set(companyId, { row, at: now() })
    },
  }
}
