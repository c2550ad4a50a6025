/** Contract of `IdempotencyStore` (requirements, "HTTP API"). */
import { describe, expect, test } from 'vitest'
import type { IdempotencyStore } from '#shared/dynamo/clients/idempotency-store.ts'

export type IdempotencyStoreSetUp = {
  /** Makes a store without keys. */
  make(): Promise<IdempotencyStore>
}

const now = Date.parse('2026-11-22T10:00:30Z')
const dayMs = 24 * 3_600_000

export function describeIdempotencyStore({ make }: IdempotencyStoreSetUp): void {
  describe('an idempotency key', () => {
    test('is taken once, however many ask at the same moment', async () => {
      const store = await make()
      const kinds = await Promise.all(Array.from({ length: 10 }, async () => (await store.take('k', 'r', now)).kind))
      expect(kinds.filter((kind) => kind === 'taken')).toHaveLength(1)
      expect(kinds.filter((kind) => kind === 'repeated')).toHaveLength(9)
    })

    test('has its answer for the same request, and none for another', async () => {
      const store = await make()
      await store.take('k', 'r', now)
      await store.keep('k', '{"a":1}')
      expect(await store.take('k', 'r', now)).toEqual({ kind: 'repeated', answer: '{"a":1}' })
      expect(await store.take('k', 'other', now)).toEqual({ kind: 'otherRequest' })
    })

    test('is forgotten after a day, its answer too', async () => {
      const store = await make()
      await store.take('k', 'r', now)
      await store.keep('k', '{"a":1}')
      expect(await store.take('k', 'other', now + dayMs)).toEqual({ kind: 'taken' })
      expect(await store.take('k', 'other', now + dayMs)).toEqual({ kind: 'repeated' })
    })
  })
}
