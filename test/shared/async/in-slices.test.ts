import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { inSlices } from '#shared/async/in-slices.ts'
import { turnsDuring } from '../../support/turns.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('work in slices', () => {
  test('returns the results in order', async () => {
    expect(await inSlices(numbers(250), (number) => number * 2)).toEqual(numbers(250).map((number) => number * 2))
    expect(await inSlices([], () => 1)).toEqual([])
  })

  test('lets other work run after each hundred items', async () => {
    const seen: number[] = []
    let done = 0
    const other = async () => {
      while (done < 250) {
        await nextTurn()
        seen.push(done)
      }
    }
    await Promise.all([other(), inSlices(numbers(250), () => done++)])
    expect(seen).toEqual(expect.arrayContaining([100, 200]))
    expect(seen.every((each) => each % 100 === 0 || each === 250)).toBe(true)
  })

  test('does not break up a single slice', async () => {
    expect(await turnsDuring(() => inSlices(numbers(100), (number) => number))).toBeLessThanOrEqual(1)
  })

  test('goes no further after a failure', async () => {
    let calls = 0
    const failing = inSlices(numbers(300), (number) => {
      calls += 1
      if (number === 120) throw new Error('bad item')
    })
    await expect(failing).rejects.toThrow('bad item')
    expect(calls).toBe(121)
  })
})
