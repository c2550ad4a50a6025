/** Contract of `RequestCounter` (R34). */
import { describe, expect, test } from 'vitest'
import type { RequestCounter } from '#shared/dynamo/clients/request-counter.ts'

export type RequestCounterSetUp = {
  /** Makes a counter that has counted nothing. */
  make(): Promise<RequestCounter>
}

export function describeRequestCounter({ make }: RequestCounterSetUp): void {
  describe('a request counter', () => {
    test('gives each number once, however many requests come at the same moment', async () => {
      const counter = await make()
      const numbers = await Promise.all(Array.from({ length: 5 }, () => counter.count('A', 1_000)))
      expect(numbers.toSorted()).toEqual([1, 2, 3, 4, 5])
    })

    test('counts each caller and each second apart', async () => {
      const counter = await make()
      await counter.count('A', 1_000)
      expect(await counter.count('A', 1_001)).toBe(1)
      expect(await counter.count('B', 1_000)).toBe(1)
    })

    test('tells the number of a second without counting', async () => {
      const counter = await make()
      await counter.count('A', 1_000)
      await counter.count('A', 1_000)
      expect(await counter.countOf('A', 1_000)).toBe(2)
      expect(await counter.countOf('A', 1_000)).toBe(2)
      expect(await counter.countOf('A', 999)).toBe(0)
      expect(await counter.countOf('B', 1_000)).toBe(0)
    })
  })
}
