/**
 * Rows as a process wrote them last. A host decides about a company many times within a pairing; what it wrote itself is
 * most likely what stands there, and the condition of its next write finds out. A read is saved, never a check.
 */
import type { CompanyRow } from './company-row.ts'

export type WrittenRows = {
  /** The row, if it was written just now; once. */
  take(companyId: string): CompanyRow | undefined
  keep(companyId: string, row: CompanyRow): void
}

/** Long enough for the steps of a pairing; what is older is likely to be stale, and nothing of a company should linger. */
const keptMs = 5_000

export function writtenRows(now: () => number): WrittenRows {
  /** In the order of their writing. */
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
