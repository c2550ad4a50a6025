import { describe, expect, test } from 'vitest'
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import { attemptView, type LeaseView, sessionView } from '#shared/domain/company/view.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { sessionEnded } from '#shared/domain/session/session.ts'
import {
  answeredLate,
  codeIssued,
  host,
  linked,
  phone,
  restarting,
  seconds,
  sessionOf,
  stageNames,
  stages,
} from '../build.ts'

const staleMs = 10_000
const now = seconds(100)
const lease: LeaseView = { epoch: host.epoch, ownerId: host.hostId, renewedAt: now - 3_000 }
const statusOf = (state: CompanyState, seen: LeaseView | undefined = lease) =>
  sessionView(state, seen, staleMs, now).status
const ended = (how: 'removed' | 'stopped') =>
  sessionEnded(linked(), sessionOf(linked()), { code: how === 'removed' ? 'LOGGED_OUT' : 'CLIENT_OUTDATED', how }, now)
    .state

describe('the shown status of a session', () => {
  test.each([
    ['connected, with an up-to-date lease', linked(), lease, 'connected'],
    ['connected, but the lease is overdue', linked(), { ...lease, renewedAt: now - staleMs }, 'reconnecting'],
    ['connected, but the lease has another epoch', linked(), { ...lease, epoch: 8 }, 'reconnecting'],
    ['connected, but the shard has no owner', linked(), { epoch: host.epoch, renewedAt: now }, 'reconnecting'],
    ['connected, but the shard was never owned', linked(), undefined, 'reconnecting'],
    ['connecting, with an up-to-date lease', restarting(), lease, 'connecting'],
    ['connecting, but the lease is overdue', restarting(), { ...lease, renewedAt: 0 }, 'reconnecting'],
    ['stopped, whatever the lease', ended('stopped'), undefined, 'stopped'],
    ['logged out, whatever the lease', ended('removed'), undefined, 'logged-out'],
    ['nothing is stored', emptyCompany, lease, 'none'],
    ['everything was reset', resetCredentials(linked(), [], now).state, lease, 'none'],
  ] as const)('%s', (_, state, seen, status) => {
    expect(sessionView(state, seen, staleMs, now).status).toBe(status)
  })

  test('stored credentials without a session are shown as reconnecting', () => {
    const { session: _, ...silent } = linked()
    expect(statusOf(silent)).toBe('reconnecting')
  })
})

test('a session shows its phone, host, error and the result for the last device', () => {
  expect(sessionView(linked(), lease, staleMs, now)).toEqual({
    status: 'connected',
    since: seconds(35),
    hostId: 'host-1',
    phone,
  })
  expect(sessionView(ended('stopped'), lease, staleMs, now)).toMatchObject({ error: 'CLIENT_OUTDATED', phone })
  expect(sessionView(resetCredentials(linked(), [], now).state, lease, staleMs, now)).toEqual({
    status: 'none',
    unlinked: 'pending',
  })
})

test.each(stageNames)('an attempt that is %s shows its code only while it can be typed', (stage) => {
  const { attempt } = stages[stage]()
  if (!attempt) throw new Error('No attempt runs')
  const view = attemptView(attempt)
  const isShown = stage === 'code-issued' || stage === 'phone-confirmed'
  expect(view).toMatchObject({
    attemptId: 'attempt-1',
    state: stage === 'storing' ? 'restarting' : stage,
    phone,
    deadline: seconds(20),
  })
  expect([view.code, view.expiresAt]).toEqual(isShown ? ['ABCD-EFGH', seconds(55)] : [undefined, undefined])
})

test('an expired code that is typed late is not shown again', () => {
  const { attempt } = answeredLate()
  const view = attempt && attemptView(attempt)
  expect(view).toMatchObject({ state: 'phone-confirmed' })
  expect(view).not.toHaveProperty('code')
})

test('an attempt shows neither its waiting requests nor its fence', () => {
  const { attempt } = codeIssued()
  const shown = JSON.stringify(attempt && attemptView(attempt))
  for (const secret of ['browser', 'fence', 'correlation', 'host-1']) expect(shown).not.toContain(secret)
})
