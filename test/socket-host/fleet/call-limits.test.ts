import { expect, test } from 'vitest'
import { leaseMarginMs } from '#shared/domain/fleet/lease.ts'
import { callLimits } from '../../../socket-host/fleet/call-limits.ts'

test.each([200, 1000, 3000, 6000, 10_000, 60_000])(
  'with leases of %d ms every call ends within the margin',
  (staleMs) => {
    const { tries, tryMs } = callLimits(staleMs)
    // Tried once, a call takes as long as its try at the most.
    expect(tries).toBe(1)
    expect(tryMs).toBeLessThan(leaseMarginMs(staleMs))
  },
)

test('a call is tried once, for as long as the lease allows', () => {
  expect(callLimits(10_000)).toEqual({ tries: 1, tryMs: leaseMarginMs(10_000) - 50 })
})
