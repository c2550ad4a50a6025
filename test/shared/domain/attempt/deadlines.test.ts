import { describe, expect, test } from 'vitest'
import { nextDeadline, timeOut } from '#shared/domain/attempt/deadlines.ts'
import { phoneAnswered } from '#shared/domain/attempt/pairing.ts'
import { type AttemptState, attemptTimes, deadlineOf } from '#shared/domain/company/attempt.ts'
import { emptyCompany } from '#shared/domain/company/company.ts'
import {
  answeredLate,
  codeIssued,
  connecting,
  expired,
  linked,
  phoneConfirmed,
  refOf,
  restarting,
  said,
  seconds,
  stageNames,
  stages,
  storing,
} from '../build.ts'

const deadlines: Readonly<Record<AttemptState, number>> = {
  requested: 20,
  connecting: 20,
  'code-issued': 55,
  'phone-confirmed': 45,
  expired: 165,
  storing: 91,
  restarting: 91,
}

describe.each(stageNames)('an attempt that is %s', (stage) => {
  const state = stages[stage]()
  const due = seconds(deadlines[stage])

  test(`is due at ${deadlines[stage]} s`, () => {
    expect(state.attempt && deadlineOf(state.attempt)).toBe(due)
    expect(nextDeadline(state)).toBe(due)
  })

  test('is left alone until then', () => {
    expect(timeOut(state, due - 1)).toEqual({ state, notices: [], outcome: undefined })
  })

  test('moves on then', () => {
    const { state: next } = timeOut(state, due)
    expect(nextDeadline(next) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(due)
  })
})

describe('a passed deadline', () => {
  test.each([
    ['no host accepted: HOST_UNAVAILABLE', () => stages.requested(), 'HOST_UNAVAILABLE'],
    ['no code came: PAIRING_TIMEOUT', () => connecting(), 'PAIRING_TIMEOUT'],
    ['the awaited session did not connect: WHATSAPP_UNAVAILABLE', () => connecting(linked()), 'WHATSAPP_UNAVAILABLE'],
    ['the link could not be stored: PAIRING_TIMEOUT', () => storing(), 'PAIRING_TIMEOUT'],
    ['the link did not connect: PAIRING_TIMEOUT', () => restarting(), 'PAIRING_TIMEOUT'],
  ])('%s (R18)', (_, before, code) => {
    const { state, notices } = timeOut(before(), seconds(92))
    expect(state).not.toHaveProperty('attempt')
    expect(state.lastAttempt).toMatchObject({ state: 'failed', failure: { code } })
    expect(said(notices)).toEqual([`pairing-code-error ${code} -> r1,all`])
  })

  test('a link that has not connected yet stays (R11, R45)', () => {
    const { state } = timeOut(restarting(), seconds(92))
    expect(state).toMatchObject({ credentials: { generation: 'generation-1' }, session: { status: 'reconnecting' } })
    expect(state.cleanup).toEqual([])
  })

  test('an awaited session stays as it is', () => {
    const before = connecting(linked())
    expect(timeOut(before, seconds(20)).state.credentials).toBe(before.credentials)
  })

  test('a code expires, and its socket stays (R19)', () => {
    const { state, notices } = timeOut(codeIssued(), seconds(55))
    expect(state.attempt).toMatchObject({ state: 'expired', socketUntil: seconds(165) })
    expect(said(notices)).toEqual(['pairing-code-error CODE_EXPIRED -> r1,all'])
  })

  test('a QR expires when the next one has not come in time (R19)', () => {
    const before = codeIssued(emptyCompany, { method: 'qr' })
    expect(timeOut(before, seconds(65)).state).toBe(before)
    const { state, notices } = timeOut(before, seconds(70))
    expect(state.attempt).toMatchObject({ state: 'expired' })
    expect(said(notices)).toEqual(['pairing-code-error CODE_EXPIRED -> r1,all'])
  })

  test('the end of an expired code’s socket sends no event', () => {
    const { state, notices } = timeOut(expired(), seconds(165))
    expect(state).not.toHaveProperty('attempt')
    expect(state.lastAttempt).toMatchObject({ state: 'expired', failure: { code: 'CODE_EXPIRED' } })
    expect(notices).toEqual([])
  })

  test('a wrong code brings the same code back until it expires (R18)', () => {
    const { state, notices } = timeOut(phoneConfirmed(), seconds(45))
    expect(state).toEqual(codeIssued())
    expect(said(notices)).toEqual(['pairing-progress code-issued -> all'])
  })

  test('a wrong code typed just before the code expired lets it expire', () => {
    const issued = codeIssued()
    const answered = phoneAnswered(issued, refOf(issued), seconds(54)).state
    const { state, notices } = timeOut(answered, seconds(69))
    expect(state).toEqual(expired())
    expect(said(notices)).toEqual(['pairing-code-error CODE_EXPIRED -> r1,all'])
  })

  test('a wrong code typed after the expiry answers no request twice (R19)', () => {
    const { state, notices } = timeOut(answeredLate(), seconds(75))
    expect(state).toEqual(expired())
    // The company's browsers show that the phone has answered.
    expect(said(notices)).toEqual(['pairing-code-error CODE_EXPIRED -> all'])
  })

  test('a late call takes all overdue steps', () => {
    const { state, notices } = timeOut(codeIssued(), seconds(1000))
    expect(state).not.toHaveProperty('attempt')
    expect(said(notices)).toEqual(['pairing-code-error CODE_EXPIRED -> r1,all'])
  })
})

test('times are those of the requirements', () => {
  expect(attemptTimes).toEqual({
    answerMs: 15_000,
    connectMs: 60_000,
    graceMs: 10_000,
    leastShownMs: 50_000,
    nextQrMs: 5_000,
    requeueMs: 8_000,
    sessionMs: 10_000,
    socketMs: 160_000,
    successorNeedsMs: 10_000,
  })
})

test('a company where nothing is under way has no deadline', () => {
  expect(nextDeadline(emptyCompany)).toBeUndefined()
  expect(nextDeadline(linked())).toBeUndefined()
})
