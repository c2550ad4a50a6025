import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Notice, notice } from '#shared/domain/company/company.ts'
import { firstNumbers, numbersNeeded } from '#shared/domain/company/sequence.ts'

const cancelled = (waiting: number): Notice =>
  notice({ event: 'pairing-cancelled' }, new Array(waiting).fill({ connectionId: 'c', requestId: 'r' }))

test('each waiting request has a number of its own, and the last one is lastSeq', () => {
  const counts = fc.array(fc.nat(5), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(counts, fc.integer({ min: 100, max: 1000 }), (waiting, lastSeq) => {
      const notices = waiting.map(cancelled)
      const firsts = firstNumbers(notices, lastSeq)
      const numbers = firsts.flatMap((first, i) => new Array(Math.max(1, waiting[i]!)).fill(0).map((_, n) => first + n))
      expect(new Set(numbers).size).toBe(numbersNeeded(notices))
      expect([Math.min(...numbers), Math.max(...numbers)]).toEqual([lastSeq - numbers.length + 1, lastSeq])
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }),
  )
})

test('without notices no number is needed', () => {
  expect([numbersNeeded([]), firstNumbers([], 7)]).toEqual([0, []])
})
