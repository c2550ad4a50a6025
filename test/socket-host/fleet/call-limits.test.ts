import { expect, test } from 'vitest'
import { leaseMarginMs } from '#shared/domain/fleet/lease.ts'
import { callLimits } from '../../../socket-host/fleet/call-limits.ts'

test.each([200, 1000, 3000, 6000, 10_000, 60_000])(
  'with leases of %d ms every call ends within the margin, with all its tries',
  (staleMs) => {
    expect(callLimits(staleMs).wholeMs).toBeLessThan(leaseMarginMs(staleMs))
  },
)

test('a call lasts as long as the lease allows', () => {
  expect(callLimits(10_000)).toEqual({ wholeMs: leaseMarginMs(10_000) - 50 })
})
