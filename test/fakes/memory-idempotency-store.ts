/** Answers under idempotency keys in memory. */
import { type IdempotencyStore, keptSeconds } from '#shared/dynamo/clients/idempotency-store.ts'

export function memoryIdempotencyStore(): IdempotencyStore {
  const rows = new Map<string, { readonly requestHash: string; readonly until: number; readonly answer?: string }>()
  return {
    async take(keyHash, requestHash, now) {
      const row = rows.get(keyHash)
      if (row && row.until > now)
        return row.requestHash === requestHash ? { kind: 'repeated', answer: row.answer } : { kind: 'otherRequest' }
      rows.set(keyHash, { requestHash, until: now + keptSeconds * 1000 })
      return { kind: 'taken' }
    },
    async keep(keyHash, answer) {
      const row = rows.get(keyHash)
      if (row) rows.set(keyHash, { ...row, answer })
    },
  }
}
