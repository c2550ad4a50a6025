import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Budget, coolDown, emptyBudget, giveCodeBack, type Limit, takeCode } from '#shared/domain/values/budget.ts'

const limit: Limit = { codes: 5, windowMs: 600_000 }
const budgetAfter = (moments: readonly number[], by: Limit = limit): Budget =>
  moments.reduce((budget: Budget, at) => {
    const taken = takeCode(budget, by, at)
    return taken.ok ? taken.value : budget
  }, emptyBudget)

describe('a budget of five codes in ten minutes', () => {
  test('gives five, and then says when the next can be had', () => {
    expect(takeCode(budgetAfter([0, 1, 2, 3]), limit, 4)).toMatchObject({ ok: true })
    expect(takeCode(budgetAfter([0, 1, 2, 3, 4]), limit, 60_000)).toEqual({ ok: false, error: { retryAfter: 540 } })
  })

  test('slides: each code comes back ten minutes after it was taken', () => {
    const full = budgetAfter([0, 100_000, 200_000, 300_000, 400_000])
    expect(takeCode(full, limit, 599_999)).toEqual({ ok: false, error: { retryAfter: 1 } })
    expect(takeCode(full, limit, 600_000)).toEqual({
      ok: true,
      value: { taken: [100_000, 200_000, 300_000, 400_000, 600_000] },
    })
  })

  test('a code given back can be taken again', () => {
    const full = budgetAfter([0, 1, 2, 3, 4])
    expect(takeCode(giveCodeBack(full, 2), limit, 5)).toMatchObject({ ok: true })
    expect(giveCodeBack(full, 99)).toBe(full)
  })

  test('a cool-down refuses although the budget is untouched, and is never shortened', () => {
    const cooled = coolDown(coolDown(emptyBudget, 90_000), 30_000)
    expect(takeCode(cooled, limit, 30_500)).toEqual({ ok: false, error: { retryAfter: 60 } })
    expect(takeCode(cooled, limit, 90_000)).toMatchObject({ ok: true })
  })
})

test('no window has more codes than the limit, and a client that waits for retryAfter gets one', () => {
  const steps = fc.array(fc.nat(200), { maxLength: 60 })
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 500 }), (gaps, codes, windowMs) => {
      const by = { codes, windowMs }
      let now = 0
      let budget: Budget = emptyBudget
      const given: number[] = []
      for (const gap of gaps) {
        now += gap
        const taken = takeCode(budget, by, now)
        if (taken.ok) given.push(now)
        else expect(takeCode(budget, by, now + taken.error.retryAfter * 1000).ok).toBe(true)
        if (taken.ok) budget = taken.value
        expect(given.filter((at) => at > now - windowMs).length).toBeLessThanOrEqual(codes)
        expect(budget.taken.length).toBeLessThanOrEqual(codes)
      }
    }),
  )
})
