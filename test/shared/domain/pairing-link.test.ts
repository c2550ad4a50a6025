import { describe, expect, test } from 'vitest'
import { attemptTimes } from '#shared/domain/attempt.ts'
import { retire } from '#shared/domain/cleanup.ts'
import { type CompanyState, emptyCompany } from '#shared/domain/company.ts'
import { timeOut } from '#shared/domain/deadlines.ts'
import { acceptAttempt, installLink, issueCode, phoneAnswered, requestPairing } from '#shared/domain/pairing.ts'
import {
  aLink,
  anotherPhone,
  aRequest,
  code,
  codeIssued,
  connecting,
  expired,
  host,
  linked,
  phone,
  phoneConfirmed,
  qr,
  refOf,
  requested,
  restarting,
  said,
  seconds,
  stages,
  unreadableLink,
} from './build.ts'

const accept = (state: CompanyState, policy: 'replace' | 'keep-until-linked' = 'replace') =>
  acceptAttempt(state, refOf(state), policy, seconds(1))

describe('codes and QRs', () => {
  test('a code is told to all who wait and to the company, with its expiry', () => {
    const state = connecting()
    const { state: issued, notices } = issueCode(state, refOf(state), code)
    expect(issued.attempt).toMatchObject({ state: 'code-issued', ...code })
    expect(issued.attempt).not.toHaveProperty('awaitsSession')
    expect(said(notices)).toEqual(['pairing-code -> r1,all'])
    expect(notices[0]?.event).toMatchObject({ code: 'ABCD-EFGH', phone, expiresAt: seconds(55) })
  })

  test('a QR is replaced by the next, a code never', () => {
    const state = codeIssued(emptyCompany, { method: 'qr' })
    const next = { ...qr, shown: { qr: 'second' }, expiresAt: seconds(85) }
    expect(said(issueCode(state, refOf(state), next).notices)).toEqual(['qr -> r1,all'])
    expect(issueCode(state, refOf(state), next).state.attempt).toMatchObject(next)
    expect(issueCode(state, refOf(state), code).outcome).toBe('stale')
    expect(issueCode(codeIssued(), refOf(codeIssued()), next).outcome).toBe('stale')
  })

  test('the phone’s answer is progress, and stops the code from expiring (R19)', () => {
    const state = codeIssued()
    const { state: confirmed, notices } = phoneAnswered(state, refOf(state), seconds(54))
    expect(confirmed.attempt).toMatchObject({ state: 'phone-confirmed', answerBy: seconds(69) })
    expect(said(notices)).toEqual(['pairing-progress phone-confirmed -> all'])
    expect(timeOut(confirmed, seconds(60)).state).toBe(confirmed)
  })

  test('a second answer of the phone starts its 15 seconds again, without a word', () => {
    const state = phoneConfirmed()
    const again = phoneAnswered(state, refOf(state), seconds(40))
    expect(again.state.attempt).toMatchObject({ answerBy: seconds(40) + attemptTimes.answerMs })
    expect(again.notices).toEqual([])
  })
})

describe('pair-success', () => {
  test.each([
    ['connecting', () => connecting()],
    ['code-issued', () => codeIssued()],
    ['phone-confirmed', () => phoneConfirmed()],
    ['expired: a code typed late still links (R19)', () => expired()],
  ])('installs the new generation from %s', (_, before) => {
    const state = before()
    const installed = installLink(state, refOf(state), aLink(), seconds(100))
    expect(installed.outcome).toBe('installed')
    expect(said(installed.notices)).toEqual(['pairing-progress restarting -> all'])
    expect(installed.state).toMatchObject({
      credentials: { generation: 'generation-1', wrappedKey: 'key-1', phone, linkedAt: seconds(100) },
      session: { status: 'connecting', epoch: host.epoch, hostId: host.hostId },
      attempt: { state: 'restarting', connectBy: seconds(160) },
    })
  })

  test('in place of the phone that was kept until then (R8)', () => {
    const asked = requested(linked(), { phone: anotherPhone })
    const state = accept(asked, 'keep-until-linked').state
    const link = aLink({ generation: 'generation-2', phone: anotherPhone, seenGeneration: 'generation-1' })
    const installed = installLink(state, refOf(state), link, seconds(30))
    expect(installed.outcome).toBe('installed')
    expect(installed.state.credentials?.generation).toBe('generation-2')
    expect(installed.state.cleanup).toMatchObject([{ generation: 'generation-1', reason: 'phone-change' }])
  })

  test.each([
    ['nothing is stored, though something was seen', codeIssued(), 'generation-0'],
    ['something is stored that was not seen', keptSession(), undefined],
    ['another generation is stored than was seen', keptSession(), 'generation-0'],
  ])('is refused when %s (R15)', (_, state, seenGeneration) => {
    const link = aLink({ generation: 'generation-2', ...(seenGeneration && { seenGeneration }) })
    expect(installLink(state, refOf(state), link, seconds(30))).toEqual({ state, notices: [], outcome: 'stale' })
  })

  test.each(['connecting', 'code-issued', 'phone-confirmed', 'expired'] as const)(
    'with another phone, from %s, ends as CREDENTIALS_CONFLICT with nothing stored (R10)',
    (stage) => {
      const state = stages[stage]()
      const wrong = installLink(state, refOf(state), aLink({ phone: anotherPhone }), seconds(30))
      expect(wrong.outcome).toBe('wrongPhone')
      expect(said(wrong.notices)).toEqual(['pairing-code-error CREDENTIALS_CONFLICT -> r1,all'])
      expect(wrong.state).not.toHaveProperty('credentials')
      expect(wrong.state).not.toHaveProperty('attempt')
      expect(wrong.state.lastAttempt).toMatchObject({ state: 'failed', failure: { code: 'CREDENTIALS_CONFLICT' } })
    },
  )

  test('with another phone leaves a kept session alone (R10)', () => {
    const state = keptSession()
    const link = aLink({ generation: 'generation-2', phone: '79009999999', seenGeneration: 'generation-1' })
    const wrong = installLink(state, refOf(state), link, seconds(30))
    expect(wrong.state.credentials?.generation).toBe('generation-1')
    expect(wrong.state.session?.status).toBe('connected')
  })

  test('of a QR that named no phone takes the phone that scanned it', () => {
    const { phone: _, ...request } = aRequest({ method: 'qr' })
    const asked = requestPairing(emptyCompany, request, seconds(0)).state
    const state = accept(asked).state
    expect(installLink(state, refOf(state), aLink({ phone: anotherPhone }), seconds(9)).state).toMatchObject({
      attempt: { state: 'restarting', phone: anotherPhone },
      credentials: { phone: anotherPhone },
    })
  })

  test('with an unreadable identity is no other phone, and the attempt keeps the phone asked for (R3)', () => {
    const state = phoneConfirmed()
    const installed = installLink(state, refOf(state), unreadableLink, seconds(30))
    expect(installed.outcome).toBe('installed')
    expect(installed.state.credentials).not.toHaveProperty('phone')
    expect(installed.state.attempt?.phone).toBe(phone)
  })

  test('comes once', () => {
    const state = restarting()
    const link = aLink({ generation: 'generation-2', seenGeneration: 'generation-1' })
    expect(installLink(state, refOf(state), link, seconds(33)).outcome).toBe('stale')
  })
})

test('retiring nothing changes nothing', () => {
  expect(retire(emptyCompany, 'reset', seconds(0))).toBe(emptyCompany)
})

/** A linked session that goes on while another phone pairs. */
function keptSession(): CompanyState {
  return accept(requested(linked(), { phone: anotherPhone }), 'keep-until-linked').state
}
