import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { backOffMs, type CloseReason, pairingFailure, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import type { ErrorCode } from '#shared/domain/values/errors.ts'

/** For each reason: a linked session's reaction (R26) and code, and the code of a failed attempt. */
const table: readonly [CloseReason, string, ErrorCode, ErrorCode][] = [
  ['removed', 'retire', 'LOGGED_OUT', 'CLIENT_REJECTED'],
  ['loggedOut', 'confirm', 'LOGGED_OUT', 'CLIENT_REJECTED'],
  ['restrictedUntil', 'stop', 'ACCOUNT_RESTRICTED', 'ACCOUNT_RESTRICTED'],
  ['restricted', 'stop', 'ACCOUNT_RESTRICTED', 'ACCOUNT_RESTRICTED'],
  ['outdated', 'stop', 'CLIENT_OUTDATED', 'CLIENT_OUTDATED'],
  ['replaced', 'retryIfOwner', 'SESSION_REPLACED', 'WHATSAPP_UNAVAILABLE'],
  ['restart', 'restart', 'WHATSAPP_UNAVAILABLE', 'WHATSAPP_UNAVAILABLE'],
  ['lost', 'retry', 'WHATSAPP_UNAVAILABLE', 'WHATSAPP_UNAVAILABLE'],
  ['unavailable', 'retry', 'WHATSAPP_UNAVAILABLE', 'WHATSAPP_UNAVAILABLE'],
  ['refsEnded', 'retry', 'WHATSAPP_UNAVAILABLE', 'CODE_EXPIRED'],
  ['badLink', 'retry', 'WHATSAPP_UNAVAILABLE', 'CLIENT_REJECTED'],
  ['untrustedServer', 'retry', 'WHATSAPP_UNAVAILABLE', 'WHATSAPP_UNAVAILABLE'],
  ['rejected', 'retry', 'CLIENT_REJECTED', 'CLIENT_REJECTED'],
  ['closed', 'retry', 'WHATSAPP_UNAVAILABLE', 'PAIRING_CANCELLED'],
  ['unknown', 'retry', 'WHATSAPP_UNAVAILABLE', 'WHATSAPP_UNAVAILABLE'],
]

test.each(table)('%s: a session does %s with %s, an attempt fails as %s', (reason, verdict, code, failure) => {
  expect(sessionVerdicts[reason]).toEqual({ do: verdict, code })
  expect(pairingFailure(reason, true)).toBe(failure)
})

test('an attempt that has shown nothing cannot have let a code expire', () => {
  const differing = table.filter(([reason, , , failure]) => pairingFailure(reason, false) !== failure)
  expect(differing.map(([reason]) => [reason, pairingFailure(reason, false)])).toEqual([
    ['refsEnded', 'WHATSAPP_UNAVAILABLE'],
  ])
})

test('every reason has a row', () => {
  const reasons = table.map(([reason]) => reason).sort()
  expect(Object.keys(sessionVerdicts).sort()).toEqual(reasons)
})

test('only WhatsApp itself voids credentials', () => {
  const voids = Object.entries(sessionVerdicts).filter(([, verdict]) => verdict.do === 'retire')
  expect(voids.map(([reason]) => reason)).toEqual(['removed'])
})

describe('back-off', () => {
  test.each([
    [0, 500, 1_000],
    [1, 1_000, 2_000],
    [5, 16_000, 32_000],
    [6, 30_000, 60_000],
    [1_000_000, 30_000, 60_000],
  ])('after %i failures takes %i to %i ms', (failures, least, most) => {
    expect([backOffMs(failures, 0), backOffMs(failures, 1)]).toEqual([least, most])
  })

  test('grows with failures and stays between half a second and a minute', () => {
    const jitter = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.nat(10_000), jitter, (failures, random) => {
        const delay = backOffMs(failures, random)
        expect(delay).toBeGreaterThanOrEqual(500)
        expect(delay).toBeLessThanOrEqual(60_000)
        expect(backOffMs(failures + 1, random)).toBeGreaterThanOrEqual(delay)
      }),
    )
  })
})
