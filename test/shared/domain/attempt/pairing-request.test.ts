import { describe, expect, test } from 'vitest'
import { needsCode } from '#shared/domain/attempt/code-need.ts'
import { cancelPairing, phoneAnswered, requestPairing } from '#shared/domain/attempt/pairing.ts'
import { maxWaiting, type Waiting } from '#shared/domain/company/attempt.ts'
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import {
  anotherPhone,
  answeredLate,
  aRequest,
  codeIssued,
  connecting,
  expired,
  linked,
  phone,
  phoneConfirmed,
  refOf,
  requested,
  restarting,
  said,
  seconds,
  stageNames,
  stages,
  start,
  unreadableLink,
} from '../build.ts'

const second: Waiting = { connectionId: 'phone', requestId: 'r2' }
const repeat = aRequest({ attemptId: 'attempt-2', waiting: second })
const oneMore: Waiting = { connectionId: 'browser', requestId: 'one more' }

/** Lets as many requests wait for the attempt as may. */
const crowd = (state: CompanyState): CompanyState =>
  Array.from({ length: maxWaiting - 1 }, (_, i) => ({ connectionId: 'browser', requestId: `r${i + 2}` })).reduce(
    (before, waiting) => requestPairing(before, aRequest({ waiting }), start).state,
    state,
  )

test('a first request takes the mutex, and the company is told', () => {
  const { state, outcome, notices } = requestPairing(emptyCompany, aRequest(), start)
  expect(outcome.kind).toBe('started')
  expect(state).toMatchObject({ fence: 1, attempt: { state: 'requested', attemptId: 'attempt-1', fence: 1, phone } })
  expect(said(notices)).toEqual(['pairing-started -> r1,all'])
})

test('a request touches nothing that is stored', () => {
  const before = linked()
  const { state } = requestPairing(before, aRequest({ phone: anotherPhone }), seconds(100))
  expect(state.credentials).toBe(before.credentials)
  expect(state.session).toBe(before.session)
  expect(state.cleanup).toEqual([])
})

describe('a repeated request for the same phone (R16)', () => {
  test.each([
    ['requested', requested(), ['pairing-started -> r2']],
    ['connecting', connecting(), ['pairing-started -> r2']],
    ['code-issued', codeIssued(), ['pairing-started -> r2', 'pairing-code -> r2']],
    ['phone-confirmed', phoneConfirmed(), ['pairing-started -> r2', 'pairing-code -> r2']],
    ['restarting', restarting(), ['pairing-started -> r2', 'pairing-progress restarting -> r2']],
  ])('joins an attempt that is %s, under its own request id', (_, before, answers) => {
    const { state, outcome, notices } = requestPairing(before, repeat, seconds(40))
    expect(outcome.kind).toBe('joined')
    const waiting = [...(before.attempt?.waiting ?? []), { connectionId: 'phone', requestId: 'r2' }]
    expect(state).toEqual({ ...before, attempt: { ...before.attempt, waiting } })
    expect(said(notices)).toEqual(answers)
  })

  test('shows the same code and the same expiry', () => {
    const { notices } = requestPairing(codeIssued(), repeat, seconds(40))
    expect(notices[1]?.event).toMatchObject({ attemptId: 'attempt-1', code: 'ABCD-EFGH', expiresAt: seconds(55) })
  })

  test('shows the same QR', () => {
    const before = codeIssued(emptyCompany, { method: 'qr' })
    const { notices } = requestPairing(before, aRequest({ method: 'qr', waiting: second }), seconds(10))
    expect(notices[1]?.event).toMatchObject({ event: 'qr', qr: 'first', expiresAt: seconds(65) })
  })

  test('counts in any form of the phone', () => {
    const before = requested(emptyCompany, { phone: '5511987654321' })
    expect(requestPairing(before, aRequest({ phone: '551187654321' }), start).outcome.kind).toBe('joined')
  })

  test('from the same connection under the same id is answered again, and written once', () => {
    const before = codeIssued()
    const { state, notices } = requestPairing(before, aRequest(), seconds(10))
    expect(state).toBe(before)
    expect(said(notices)).toEqual(['pairing-started -> r1', 'pairing-code -> r1'])
  })

  test('over HTTP, where no request waits, changes nothing', () => {
    const before = codeIssued()
    const { waiting: _, ...silent } = aRequest()
    expect(requestPairing(before, silent, seconds(10))).toEqual({
      state: before,
      notices: [],
      outcome: { kind: 'joined', attempt: before.attempt },
    })
  })

  test.each([
    ['requested', requested()],
    ['restarting', restarting()],
  ])(`is turned away when ${maxWaiting} wait already, and there is nothing to answer: %s`, (_, before) => {
    const state = crowd(before)
    const refused = requestPairing(state, aRequest({ waiting: oneMore }), start)
    expect(refused).toEqual({ state, notices: [], outcome: { kind: 'crowded' } })
    expect(requestPairing(state, aRequest(), start).outcome.kind).toBe('joined')
  })

  test.each([
    ['code-issued', codeIssued()],
    ['phone-confirmed', phoneConfirmed()],
  ])(`gets the code also when ${maxWaiting} wait already, and does not wait: %s`, (_, before) => {
    const state = crowd(before)
    const joined = requestPairing(state, aRequest({ waiting: oneMore }), seconds(10))
    expect(joined.state).toBe(state)
    expect(joined.outcome.kind).toBe('joined')
    expect(said(joined.notices)).toEqual(['pairing-started -> one more', 'pairing-code -> one more'])
  })

  test.each([
    ['by QR without naming a phone', { method: 'qr' as const, phone: undefined }],
    ['by QR', { method: 'qr' as const, phone }],
    ['by code', { method: 'code' as const, phone }],
  ])('never undoes a link that was just made: %s it joins', (_title, { method, phone: asked }) => {
    const { phone: _, ...unnamed } = aRequest({ method, waiting: second })
    const request = asked ? { ...unnamed, phone: asked } : unnamed
    const { state, outcome } = requestPairing(restarting(), request, seconds(33))
    expect(outcome.kind).toBe('joined')
    expect(state.credentials?.generation).toBe('generation-1')
  })

  test('never undoes a link whose identity could not be read (R3)', () => {
    const before = restarting(emptyCompany, unreadableLink)
    expect(requestPairing(before, repeat, seconds(33)).outcome.kind).toBe('joined')
  })
})

describe('a request for something else (R16, R22)', () => {
  test.each(stageNames)('supersedes an attempt that is %s', (stage) => {
    const before = stages[stage]()
    const other = aRequest({ attemptId: 'attempt-2', phone: anotherPhone, waiting: second })
    const { state, outcome, notices } = requestPairing(before, other, seconds(60))
    expect(outcome.kind).toBe('started')
    expect(state.attempt).toMatchObject({ state: 'requested', attemptId: 'attempt-2', phone: anotherPhone })
    expect(state.fence).toBe(before.fence + 1)
    // The client of an expired attempt already has its CODE_EXPIRED.
    const farewell = stage === 'expired' ? [] : ['pairing-code-error PAIRING_SUPERSEDED -> r1,all']
    expect(said(notices)).toEqual([...farewell, 'pairing-started -> r2,all'])
    expect(state.lastAttempt).toMatchObject({
      attemptId: 'attempt-1',
      state: stage === 'expired' ? 'expired' : 'superseded',
    })
  })

  test.each([
    ['a QR for the same phone', codeIssued(), aRequest({ method: 'qr' })],
    ['a code after a QR', codeIssued(emptyCompany, { method: 'qr' }), aRequest()],
    ['a QR for a phone after one for none', requestedForAnyone(), aRequest({ method: 'qr' })],
  ])('%s is something else', (_, before, request) => {
    expect(requestPairing(before, { ...request, attemptId: 'attempt-2' }, seconds(10)).outcome.kind).toBe('started')
  })

  test('a QR request without a phone joins another one without a phone', () => {
    const { phone: _, ...request } = aRequest({ method: 'qr', waiting: second })
    expect(requestPairing(requestedForAnyone(), request, seconds(10)).outcome.kind).toBe('joined')
  })

  test('after a link, removes the device that was linked (R11)', () => {
    const { state } = requestPairing(restarting(), aRequest({ phone: anotherPhone }), seconds(33))
    expect(state.credentials).toBeUndefined()
    expect(state.session).toBeUndefined()
    expect(state.cleanup).toMatchObject([{ generation: 'generation-1', reason: 'attempt-ended', unlink: 'pending' }])
  })
})

test('the retry after an expired code works at once (R19)', () => {
  const before = expired()
  expect(before.attempt?.state).toBe('expired')
  const { outcome, notices } = requestPairing(before, repeat, seconds(56))
  expect(outcome.kind).toBe('started')
  expect(said(notices)).toEqual(['pairing-started -> r2,all'])
})

test('the retry works at once, too, while the phone answers an expired code: it gets no dead one (R19)', () => {
  const before = answeredLate()
  expect(needsCode(before, repeat)).toBe(true)
  const { state, outcome, notices } = requestPairing(before, repeat, seconds(61))
  expect(outcome.kind).toBe('started')
  expect(state.attempt).toMatchObject({ attemptId: 'attempt-2', state: 'requested' })
  // The first request already has its answers: a code, and that it expired.
  expect(said(notices)).toEqual(['pairing-code-error PAIRING_SUPERSEDED -> all', 'pairing-started -> r2,all'])
})

test('a repeat joins while the phone answers a code that was typed in time: it may be the right one (R19)', () => {
  const issued = codeIssued()
  const before = phoneAnswered(issued, refOf(issued), seconds(54)).state
  expect(requestPairing(before, repeat, seconds(56)).outcome.kind).toBe('joined')
})

describe('cancelling', () => {
  const canceller: Waiting = { connectionId: 'browser', requestId: 'cancel' }

  test.each([
    ['requested', ['pairing-code-error PAIRING_CANCELLED -> r1']],
    ['connecting', ['pairing-code-error PAIRING_CANCELLED -> r1']],
    ['code-issued', []],
    ['phone-confirmed', []],
    ['expired', []],
    ['storing', []],
    ['restarting', []],
  ] as const)('an attempt that is %s ends it, raises the fence and answers all who wait', (stage, errors) => {
    const before = stages[stage]()
    const { state, notices } = cancelPairing(before, [canceller], seconds(60))
    expect(state.attempt).toBeUndefined()
    expect(state.fence).toBe(before.fence + 1)
    expect(state.lastAttempt?.state).toBe(stage === 'expired' ? 'expired' : 'cancelled')
    expect(said(notices)).toEqual([...errors, 'pairing-cancelled -> cancel,all'])
  })

  test('nothing is answered too, and changes nothing (R67)', () => {
    const { state, notices } = cancelPairing(emptyCompany, [canceller], start)
    expect(state).toBe(emptyCompany)
    expect(said(notices)).toEqual(['pairing-cancelled -> cancel'])
  })

  test('leaves a linked session alone', () => {
    const before = connecting(linked())
    const { state } = cancelPairing(before, [canceller], seconds(60))
    expect(state.credentials).toBe(before.credentials)
    expect(state.session).toBe(before.session)
  })

  test('a fresh link removes its device (R11)', () => {
    const { state } = cancelPairing(restarting(), [canceller], seconds(60))
    expect(state.credentials).toBeUndefined()
    expect(state.cleanup).toMatchObject([{ generation: 'generation-1', reason: 'attempt-ended', wrappedKey: 'key-1' }])
  })
})

function requestedForAnyone() {
  const { phone: _, ...request } = aRequest({ method: 'qr' })
  return requestPairing(emptyCompany, request, start).state
}
