import { describe, expect, test } from 'vitest'
import { isSharedStop, pairingRefusal, sharedReason } from '#shared/domain/attempt/refusal.ts'
import type { Session } from '#shared/domain/company/company.ts'
import { anotherPhone, linked, phone } from '../build.ts'

const now = 1_000_000
const until = now + 46_000
const base = { since: 0, epoch: 1 } as const
const refusals = { count: 1, firstAt: 0 }

type Row = readonly [name: string, session: Partial<Session>, same: string | undefined, other: string | undefined]

describe('a request for a code while the stored session', () => {
  test.each<Row>([
    ['is connected', { status: 'connected' }, undefined, undefined],
    [
      'waits for a newer version',
      { status: 'stopped', error: 'CLIENT_OUTDATED' },
      'CLIENT_OUTDATED 60',
      'CLIENT_OUTDATED 60',
    ],
    ['is unreadable as all are', { status: 'stopped', error: 'INTERNAL' }, 'INTERNAL 60', 'INTERNAL 60'],
    ['is unreadable alone', { status: 'stopped', error: 'INTERNAL', isAlone: true }, undefined, undefined],
    ['is beyond the fuse', { status: 'stopped', error: 'WHATSAPP_UNAVAILABLE', fuse: 'removed' }, undefined, undefined],
    [
      'is restricted until a time',
      { status: 'stopped', error: 'ACCOUNT_RESTRICTED', until },
      'ACCOUNT_RESTRICTED 46 wait',
      undefined,
    ],
    ['was restricted until now', { status: 'stopped', error: 'ACCOUNT_RESTRICTED', until: now }, undefined, undefined],
    ['is banned', { status: 'stopped', error: 'ACCOUNT_RESTRICTED' }, undefined, undefined],
    ['is damaged', { status: 'stopped', error: 'CREDENTIALS_CONFLICT' }, undefined, undefined],
    ['was refused', { status: 'logged-out', error: 'LOGGED_OUT', refusals }, undefined, undefined],
  ])('%s', (_, session, same, other) => {
    const state = { ...linked(), session: { ...base, ...session } as Session }
    const answers = [phone, anotherPhone].map((asked) => pairingRefusal(state, { phone: asked }, now))
    const said = answers.map(
      (answer) => answer && [answer.code, answer.retryAfter, answer.action].filter(Boolean).join(' '),
    )
    expect(said).toEqual([same, other])
  })
})

test.each<readonly [Partial<Session>, string | undefined, boolean]>([
  [{ status: 'reconnecting', error: 'CLIENT_OUTDATED' }, undefined, false],
  [{ status: 'stopped', error: 'CLIENT_OUTDATED' }, 'CLIENT_OUTDATED', true],
  [{ status: 'stopped', error: 'INTERNAL', isAlone: true }, 'INTERNAL', true],
  [{ status: 'stopped', error: 'WHATSAPP_UNAVAILABLE', fuse: 'removed' }, 'removed', true],
  [{ status: 'stopped', error: 'CREDENTIALS_CONFLICT' }, undefined, false],
  [{ status: 'logged-out', error: 'LOGGED_OUT', refusals }, 'refused', false],
  [{ status: 'logged-out', error: 'LOGGED_OUT' }, undefined, false],
])('%j is shared for the reason %s', (session, reason, isShared) => {
  const whole = { ...base, ...session } as Session
  expect(sharedReason(whole)).toBe(reason)
  expect(isSharedStop(whole)).toBe(isShared)
})
