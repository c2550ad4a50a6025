import { expect, test } from 'vitest'
import { averageWith, expectedMs } from '../../../socket-host/company/pairing-estimate.ts'

test.each([
  ['a pairing as long as the average does not change it', 500, 500, 500],
  ['a slower pairing raises it by a fifth of the difference', 500, 1500, 700],
  ['a faster pairing lowers it by a fifth of the difference', 1500, 500, 1300],
])('%s', (_fact, average, last, after) => {
  expect(averageWith(average, last)).toBeCloseTo(after)
})

test.each([
  ['with nobody ahead, a pairing takes as long as one', 0, 500],
  ['one ahead means another round', 1, 1000],
  ['a full round ahead is one round', 8, 1000],
  ['one more is another round', 9, 1500],
])('%s', (_fact, ahead, ms) => {
  expect(expectedMs(500, ahead, 8)).toBe(ms)
})
