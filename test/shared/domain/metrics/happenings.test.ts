import { describe, expect, test } from 'vitest'
import { acceptAttempt } from '#shared/domain/attempt/acceptance.ts'
import { endAttempt } from '#shared/domain/attempt/attempt-end.ts'
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { cancelPairing, failAttempt, requestPairing } from '#shared/domain/attempt/pairing.ts'
import { unlinkFinished } from '#shared/domain/company/cleanup.ts'
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import { type Happening, happeningsOf } from '#shared/domain/metrics/happenings.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { sessionConnected, sessionEnded, sessionInterrupted } from '#shared/domain/session/session.ts'
import {
  aLink,
  anotherPhone,
  aRequest,
  code,
  codeIssued,
  connecting,
  expired,
  linked,
  phoneConfirmed,
  refOf,
  requested,
  restarting,
  seconds,
  sessionOf,
  stageNames,
  stages,
} from '../build.ts'

const named = (happenings: readonly Happening[]) =>
  happenings.map((happening) => {
    const { type } = happening
    if (type === 'attemptEnded') return `${type} ${happening.outcome}`
    if (type === 'sessionStopped') return `${type} ${happening.code}`
    if (type === 'unlinked') return `${type} ${happening.result} ${happening.tookMs}`
    return 'tookMs' in happening ? `${type} ${happening.tookMs}` : type
  })
const between = (before: CompanyState, after: CompanyState, now = seconds(60)) =>
  named(happeningsOf({ before, after, now }))

const ask = (state: CompanyState, overrides: Parameters<typeof aRequest>[0] = {}) =>
  requestPairing(state, aRequest({ attemptId: 'attempt-2', ...overrides }), seconds(40)).state

describe('of an attempt', () => {
  test('each step is seen once', () => {
    expect(between(emptyCompany, requested())).toEqual(['requested'])
    expect(between(requested(), connecting())).toEqual([])
    expect(between(connecting(), codeIssued(), seconds(3))).toEqual(['codeIssued 3000'])
    expect(between(codeIssued(), phoneConfirmed())).toEqual(['phoneConfirmed'])
    expect(between(phoneConfirmed(), restarting())).toEqual([])
    expect(between(restarting(), linked(), seconds(35))).toEqual(['attemptEnded connected', 'linked 35000'])
  })

  test('a repeated request is no new one', () => {
    const state = codeIssued()
    expect(between(state, ask(state))).toEqual([])
  })

  test('a mistyped code that is shown again is not issued again', () => {
    const state = phoneConfirmed()
    const back = timeOut(state, seconds(45)).state
    expect(back.attempt?.state).toBe('code-issued')
    expect(between(state, back)).toEqual([])
  })

  test('a request for another phone ends the one before', () => {
    const state = codeIssued()
    expect(between(state, ask(state, { phone: anotherPhone }))).toEqual([
      'attemptEnded PAIRING_SUPERSEDED',
      'requested',
    ])
  })

  test('an expired code counts when its socket is gone, or when another attempt takes its place', () => {
    expect(between(codeIssued(), expired())).toEqual([])
    const gone = timeOut(expired(), code.socketUntil).state
    expect(between(expired(), gone)).toEqual(['attemptEnded CODE_EXPIRED'])
    expect(between(expired(), ask(expired()))).toEqual(['attemptEnded CODE_EXPIRED', 'requested'])
  })

  test.each(stageNames)('cancelled while %s, it ends once', (name) => {
    const state = stages[name]()
    const outcome = name === 'expired' ? 'CODE_EXPIRED' : 'PAIRING_CANCELLED'
    expect(between(state, cancelPairing(state, [], seconds(40)).state)).toEqual([`attemptEnded ${outcome}`])
  })

  test('its failure is reported with its code', () => {
    const state = connecting()
    const failed = failAttempt(state, refOf(state), { code: 'INVALID_PHONE' }, seconds(5)).state
    expect(between(state, failed)).toEqual(['attemptEnded INVALID_PHONE'])
  })

  test('that only awaited a session is connected, but links nothing', () => {
    const asked = ask(linked(), { deadline: seconds(60) })
    const ref = { ...refOf(asked), owner: { hostId: 'host-1', epoch: 7 } }
    const waiting = acceptAttempt(asked, ref, 'replace', seconds(41)).state
    const connected = sessionConnected(waiting, sessionOf(waiting), seconds(42)).state
    expect(between(waiting, connected)).toEqual(['attemptEnded connected'])
  })
})

describe('a phone change', () => {
  test('has both phones, the age of the link, its last connection and the earlier steps', () => {
    const state = linked()
    const tried = ask(state, { phone: anotherPhone, method: 'qr' })
    const again = requestPairing(tried, aRequest({ attemptId: 'a3', phone: anotherPhone }), seconds(100)).state
    const happenings = happeningsOf({ before: tried, after: again, now: seconds(100) })
    expect(happenings).toContainEqual({
      type: 'phoneChanged',
      change: {
        storedPhone: aLink().phone,
        askedPhone: anotherPhone,
        method: 'code',
        credentialAgeMs: 68_000,
        connectedAt: seconds(35),
        wasLinked: true,
        steps: ['code connected', 'qr requested'],
      },
    })
  })

  test('has method and outcome of the last attempt', () => {
    const tried = ask(linked(), { phone: anotherPhone, method: 'qr' })
    const failed = endAttempt(tried, { code: 'PAIRING_TIMEOUT' }, 'failed', seconds(90)).state
    const again = requestPairing(failed, aRequest({ attemptId: 'a3', phone: anotherPhone }), seconds(100)).state
    const [, changed] = happeningsOf({ before: failed, after: again, now: seconds(100) })
    expect(changed).toMatchObject({ change: { method: 'code', steps: ['qr failed PAIRING_TIMEOUT'] } })
  })

  test('is not seen in the same phone, in a QR without one, or in a company without a link', () => {
    expect(between(linked(), ask(linked()))).toEqual(['requested'])
    const qr = requestPairing(linked(), { attemptId: 'a2', method: 'qr', correlationId: 'c', deadline: seconds(60) }, 0)
    expect(between(linked(), qr.state)).toEqual(['requested'])
    expect(between(emptyCompany, requested(emptyCompany, { phone: anotherPhone }))).toEqual(['requested'])
  })
})

describe('of a session', () => {
  const drop = (state: CompanyState) => sessionInterrupted(state, sessionOf(state), 'WHATSAPP_UNAVAILABLE', 0).state

  test('that was connected a drop is an interruption, and the failures after it are not', () => {
    expect(between(linked(), drop(linked()))).toEqual(['sessionInterrupted'])
    expect(between(drop(linked()), drop(drop(linked())))).toEqual([])
  })

  test('its end has its code, unless an attempt ended with it', () => {
    const end = { code: 'CLIENT_OUTDATED', how: 'stopped' } as const
    const stop = (state: CompanyState) => sessionEnded(state, sessionOf(state), end, seconds(50)).state
    expect(between(linked(), stop(linked()))).toEqual(['sessionStopped CLIENT_OUTDATED'])
    expect(between(restarting(), stop(restarting()))).toEqual(['attemptEnded CLIENT_OUTDATED'])
  })
})

test('a clean-up ends when WhatsApp has confirmed it, or after a minute without', () => {
  const reset = resetCredentials(linked(), [], seconds(60)).state
  const confirmed = unlinkFinished(reset, 'generation-1', 'confirmed').state
  expect(between(linked(), reset)).toEqual([])
  expect(between(reset, confirmed, seconds(62))).toEqual(['unlinked confirmed 2000'])
  expect(between(reset, timeOut(reset, seconds(120)).state, seconds(120))).toEqual(['unlinked unconfirmed 60000'])
})
