/** Contract of `BudgetStore` (R24). */
import { describe, expect, test } from 'vitest'
import type { BudgetTicket } from '#shared/domain/values/budget.ts'
import type { BudgetStore } from '#shared/ports.ts'

export type BudgetStoreSetUp = {
  /** Makes a store in which no code was ever taken. */
  make(): Promise<BudgetStore>
}

const now = Date.UTC(2026, 0, 1)
const windowMs = 600_000
const limit = (key: string, codes: number) => ({ key, codes, windowMs })

/** Takes a code, and fails the test when there is none. */
async function taken(store: BudgetStore, limits: Parameters<BudgetStore['take']>[0], at = now): Promise<BudgetTicket> {
  const result = await store.take(limits, at)
  if (!result.ok) throw new Error(`No code was left for ${result.error.retryAfter} s`)
  return result.value
}

export function describeBudgetStore({ make }: BudgetStoreSetUp): void {
  describe('budget store', () => {
    test('there are as many codes as the limit, and a refusal says when there is one again', async () => {
      const store = await make()
      await taken(store, [limit('phone', 2)])
      await taken(store, [limit('phone', 2)], now + 60_000)
      const refused = await store.take([limit('phone', 2)], now + 100_000)
      expect(refused).toEqual({ ok: false, error: { retryAfter: 500 } })
      await taken(store, [limit('phone', 2)], now + windowMs)
    })

    test('a code is taken from each budget, or from none', async () => {
      const store = await make()
      await taken(store, [limit('company', 1)])
      expect(await store.take([limit('phone', 1), limit('company', 1)], now)).toMatchObject({ ok: false })
      expect(await store.take([limit('other company', 1), limit('company', 1)], now)).toMatchObject({ ok: false })
      await taken(store, [limit('phone', 1), limit('other company', 1)])
    })

    test('budgets do not disturb each other', async () => {
      const store = await make()
      for (const key of ['a', 'b', 'c']) await taken(store, [limit(key, 1)])
      for (const key of ['a', 'b', 'c']) expect(await store.take([limit(key, 1)], now)).toMatchObject({ ok: false })
    })

    test('concurrent requests take no more codes than there are', async () => {
      const store = await make()
      const results = await Promise.all(Array.from({ length: 5 }, () => store.take([limit('phone', 3)], now)))
      expect(results.filter(({ ok }) => ok)).toHaveLength(3)
    })

    test('a code that is given back can be taken again', async () => {
      const store = await make()
      const ticket = await taken(store, [limit('phone', 1), limit('company', 1)])
      await store.giveBack(ticket)
      await taken(store, [limit('phone', 1), limit('company', 1)])
    })

    test('a code that is given back twice counts once, even if others were taken at the same time', async () => {
      const store = await make()
      const limits = [limit('phone', 3), limit('company', 3)]
      const first = await taken(store, limits)
      await taken(store, limits)
      await taken(store, limits)
      expect(await store.take(limits, now)).toEqual({ ok: false, error: { retryAfter: 600 } })
      await store.giveBack(first)
      await store.giveBack(first)
      await taken(store, limits)
      expect(await store.take(limits, now)).toMatchObject({ ok: false })
    })

    test('giving back a code that was not taken does nothing', async () => {
      const store = await make()
      await store.giveBack([])
      await store.giveBack([{ key: 'never seen', at: now }])
      await taken(store, [limit('never seen', 1)])
    })

    test('a budget that cools down gives no code until then, whatever is left', async () => {
      const store = await make()
      await store.coolDown('phone', now + 90_000, now)
      expect(await store.take([limit('phone', 5)], now)).toEqual({ ok: false, error: { retryAfter: 90 } })
      expect(await store.take([limit('company', 5), limit('phone', 5)], now + 89_000)).toMatchObject({ ok: false })
      await taken(store, [limit('company', 5), limit('phone', 5)], now + 90_000)
    })

    test('a shorter time to cool down does not cut a longer one short', async () => {
      const store = await make()
      await store.coolDown('phone', now + 90_000, now)
      await store.coolDown('phone', now + 30_000, now)
      expect(await store.take([limit('phone', 5)], now + 60_000)).toEqual({ ok: false, error: { retryAfter: 30 } })
    })
  })
}
