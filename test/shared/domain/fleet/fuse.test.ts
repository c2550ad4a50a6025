import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as rules from '#shared/domain/fleet/fuse.ts'
import { closeFuse, type FuseState, isOfWave, newFuse } from '#shared/domain/fleet/fuse.ts'
import { defaultWindows } from '../../../fakes/memory-fuse.ts'
import { seed } from '../../../support/seed.ts'

const now = Date.UTC(2026, 10, 27)
const minute = 60_000
const takePlace = (fuse: FuseState, companyId: string, held: number, at: number) =>
  rules.takePlace(fuse, companyId, held, at, defaultWindows)

/** Takes places for companies c1, c2, … of a fleet with that many sessions; returns how many were granted. */
function granted(count: number, held: number, everyMs = 0) {
  let fuse: FuseState = newFuse
  let places = 0
  for (let index = 0; index < count; index++) {
    const taken = takePlace(fuse, `c${index}`, held, now + index * everyMs)
    fuse = taken.fuse
    if (taken.isGranted) places += 1
  }
  return { places, fuse }
}

describe('the fuse', () => {
  it.each([
    ['three links in five minutes', 100, 0, 3],
    ['0.2 % of the sessions in five minutes, if that is more', 10_000, 0, 20],
    ['twenty links in a day', 100, 6 * minute, 20],
    ['2 % of the sessions in a day, if that is more', 2_000, 6 * minute, 40],
  ])('lets through %s', (_, held, everyMs, expected) => {
    expect(granted(60, held, everyMs).places).toBe(expected)
  })

  it('stays open once somebody has found no place, until it is closed', () => {
    const { fuse } = granted(4, 0)
    expect(fuse.opening).toEqual({ since: now })
    expect(takePlace(fuse, 'c9', 0, now + 60 * minute).isGranted).toBe(false)
    expect(takePlace(closeFuse(fuse, now + minute), 'c9', 0, now + 60 * minute).isGranted).toBe(true)
    expect(takePlace(closeFuse(fuse, now + minute), 'c9', 0, now + minute).isGranted).toBe(false)
  })

  it('remembers its last opening, so that the links of that wave can be told from others', () => {
    const { opening = { since: 0 } } = closeFuse(granted(4, 0).fuse, now + minute)
    expect(opening).toEqual({ since: now, until: now + minute })
    expect([-6, -5, 0, 1, 2].map((minutes) => isOfWave(opening, now + minutes * minute))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ])
    expect(isOfWave({ since: now }, now + 60 * minute)).toBe(true)
  })

  it('gives a company one place per window, however often it asks', () => {
    const { fuse } = granted(2, 0)
    expect(takePlace(fuse, 'c0', 0, now + minute).fuse).toBe(fuse)
    const again = [1, 2, 3, 4].reduce((seen) => takePlace(seen, 'c0', 0, now + minute).fuse, fuse)
    expect(takePlace(again, 'c2', 0, now + minute).isGranted).toBe(true)
  })

  it('never lets through more companies in a window than it says, whatever they do', () => {
    const asks = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 20 * minute })))
    fc.assert(
      fc.property(asks, fc.boolean(), (all, isClosedAtOnce) => {
        let fuse: FuseState = newFuse
        let at = now
        const ended: { company: number; at: number }[] = []
        for (const [company, wait] of all) {
          at += wait
          const taken = takePlace(fuse, `c${company}`, 0, at)
          fuse = isClosedAtOnce ? closeFuse(taken.fuse, at) : taken.fuse
          if (taken.isGranted) ended.push({ company, at })
          for (const [ms, least] of [
            [5 * minute, 3],
            [24 * 60 * minute, 20],
          ] as const) {
            const within = ended.filter((one) => at - one.at < ms)
            expect(new Set(within.map((one) => one.company)).size).toBeLessThanOrEqual(least)
          }
        }
      }),
      { seed },
    )
  })
})
