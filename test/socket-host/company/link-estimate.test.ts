import { expect, test } from 'vitest'
import { averageWith, type Demand, msToCode } from '../../../socket-host/company/link-estimate.ts'

const alone: Demand = {
  ...{ pairing: { ms: 2000, width: 1 }, restart: { ms: 3000, width: 1 } },
  ...{ places: 10, pairings: 0, restarts: 0, codes: 0, typed: 1, hasReconnects: false },
}

test.each([
  ['a pairing as long as the average does not change it', 500, 500, 500],
  ['a slower pairing raises it by a tenth of the difference', 500, 1500, 600],
  ['a faster pairing lowers it by a tenth of the difference', 1500, 500, 1400],
])('%s', (_fact, average, last, after) => {
  expect(averageWith({ ms: average, width: 1 }, { ms: last, width: 11 })).toEqual({ ms: after, width: 2 })
})

// 20 of 60 s: a third of the owners type.
test.each<[string, Partial<Demand>, number]>([
  ['with nobody ahead, a code takes as long as a pairing', {}, 2000],
  ['pairings that have places cost what they take of the core', { pairings: 6, typed: 0 }, 2600],
  ['more of them must wait', { pairings: 30, typed: 0 }, 6000],
  ['restarts take places as well', { pairings: 10, restarts: 10, typed: 0 }, 5000],
  ['so do the codes that may be typed meanwhile', { pairings: 10, codes: 50, typed: 0.5 }, 5000],
  ['reconnects leave half of the places', { pairings: 10, typed: 0, hasReconnects: true }, 4000],
  ['fewer places do not make a busy core slower', { pairings: 30, typed: 0, pairing: { ms: 2000, width: 20 } }, 5000],
])('%s', (_fact, demand, ms) => {
  expect(msToCode({ ...alone, ...demand }, 20_000)).toBeCloseTo(ms)
})
