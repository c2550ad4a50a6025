import { describe, expect, test } from 'vitest'
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { commitLink, prepareLink } from '#shared/domain/attempt/link.ts'
import { cancelPairing, failAttempt, issueCode, phoneAnswered, requestPairing } from '#shared/domain/attempt/pairing.ts'
import { attemptTimes } from '#shared/domain/company/attempt.ts'
import { retire } from '#shared/domain/company/cleanup.ts'
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import { adoptCompany } from '#shared/domain/session/adoption.ts'
import {
  accept,
  aLink,
  anotherPhone,
  answeredLate,
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
  storing,
  successor,
  unreadableLink,
} from '../build.ts'

describe('codes and QRs', () => {
  test('a code goes to all waiting requests and to the company, with its expiry', () => {
    const state = connecting()
    const { state: issued, notices } = issueCode(state, refOf(state), code, seconds(2))
    expect(issued.attempt).toMatchObject({ state: 'code-issued', ...code })
    expect(issued.attempt).not.toHaveProperty('awaitsSession')
    expect(said(notices)).toEqual(['pairing-code -> r1,all'])
    expect(notices[0]?.event).toMatchObject({ code: 'ABCD-EFGH', phone, expiresAt: seconds(55) })
  })

  test('a QR is replaced by the next, a code never', () => {
    const state = codeIssued(emptyCompany, { method: 'qr' })
    const next = { ...qr, shown: { qr: 'second' }, expiresAt: seconds(85) }
    expect(said(issueCode(state, refOf(state), next, seconds(2)).notices)).toEqual(['qr -> r1,all'])
    expect(issueCode(state, refOf(state), next, seconds(2)).state.attempt).toMatchObject(next)
    expect(issueCode(state, refOf(state), code, seconds(2)).outcome).toBe('stale')
    expect(issueCode(codeIssued(), refOf(codeIssued()), next, seconds(2)).outcome).toBe('stale')
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
    ['answering an expired code', () => answeredLate()],
  ])('notes the link from %s, before anything is stored', (_, before) => {
    const state = before()
    const prepared = prepareLink(state, refOf(state), aLink(), seconds(100))
    expect(prepared.outcome).toBe('prepared')
    expect(said(prepared.notices)).toEqual(['pairing-progress restarting -> all'])
    expect(prepared.state).not.toHaveProperty('credentials')
    expect(prepared.state.attempt).toMatchObject({ state: 'storing', link: aLink(), connectBy: seconds(160) })
    expect(JSON.stringify(prepared.state), 'the code is gone').not.toContain('ABCD-EFGH')
  })

  test('is prepared once, however often it is called', () => {
    const state = storing()
    expect(prepareLink(state, refOf(state), aLink(), seconds(33))).toEqual({ state, notices: [], outcome: 'prepared' })
    const another = aLink({ generation: 'generation-2' })
    expect(prepareLink(state, refOf(state), another, seconds(33)).outcome).toBe('stale')
  })

  test.each([
    ['nothing is stored, though something was seen', codeIssued(), 'generation-0'],
    ['something is stored that was not seen', keptSession(), undefined],
    ['another generation is stored than was seen', keptSession(), 'generation-0'],
  ])('is refused when %s (R15)', (_, state, seenGeneration) => {
    const link = aLink({ generation: 'generation-2', phone: anotherPhone, ...(seenGeneration && { seenGeneration }) })
    expect(prepareLink(state, refOf(state), link, seconds(30))).toEqual({ state, notices: [], outcome: 'stale' })
  })

  test.each(['connecting', 'code-issued', 'phone-confirmed', 'expired'] as const)(
    'with another phone, from %s, ends as CREDENTIALS_CONFLICT with nothing stored (R10)',
    (stage) => {
      const state = stages[stage]()
      const wrong = prepareLink(state, refOf(state), aLink({ phone: anotherPhone }), seconds(30))
      expect(wrong.outcome).toBe('wrongPhone')
      expect(said(wrong.notices)).toEqual(['pairing-code-error CREDENTIALS_CONFLICT -> r1,all'])
      expect(wrong.state).not.toHaveProperty('attempt')
      expect(wrong.state.cleanup).toEqual([])
      expect(wrong.state.lastAttempt).toMatchObject({ state: 'failed', failure: { code: 'CREDENTIALS_CONFLICT' } })
    },
  )

  test('with another phone leaves a kept session alone (R10)', () => {
    const state = keptSession()
    const link = aLink({ generation: 'generation-2', phone: '79161234569', seenGeneration: 'generation-1' })
    const wrong = prepareLink(state, refOf(state), link, seconds(30))
    expect(wrong.state.credentials?.generation).toBe('generation-1')
    expect(wrong.state.session?.status).toBe('connected')
  })

  test('of a QR that named no phone takes the phone that scanned it', () => {
    const { phone: _, ...request } = aRequest({ method: 'qr' })
    const asked = requestPairing(emptyCompany, request, seconds(0)).state
    const state = accept(asked).state
    const link = aLink({ phone: anotherPhone })
    const prepared = prepareLink(state, refOf(state), link, seconds(9)).state
    expect(prepared.attempt?.phone).toBe(anotherPhone)
    expect(commitLink(prepared, refOf(prepared), link, seconds(10)).state).toMatchObject({
      attempt: { state: 'restarting', phone: anotherPhone },
      credentials: { phone: anotherPhone },
    })
  })

  test('with an unreadable identity is no other phone, and the attempt keeps the phone asked for (R3)', () => {
    const state = phoneConfirmed()
    const prepared = prepareLink(state, refOf(state), unreadableLink, seconds(30)).state
    const installed = commitLink(prepared, refOf(prepared), unreadableLink, seconds(31))
    expect(installed.outcome).toBe('committed')
    expect(installed.state.credentials).not.toHaveProperty('phone')
    expect(installed.state.attempt?.phone).toBe(phone)
  })
})

describe('a link that is stored', () => {
  test('becomes current', () => {
    const state = storing()
    const installed = commitLink(state, refOf(state), aLink(), seconds(40))
    expect(installed).toMatchObject({
      outcome: 'committed',
      notices: [],
      state: {
        credentials: { generation: 'generation-1', wrappedKey: 'key-1', phone, linkedAt: seconds(40) },
        session: { status: 'connecting', epoch: host.epoch, hostId: host.hostId },
        attempt: { state: 'restarting', connectBy: seconds(91) },
      },
    })
    expect(installed.state.attempt).not.toHaveProperty('link')
  })

  test('takes the place of the phone that was kept until then, and not before (R8)', () => {
    const before = keptSession()
    const link = aLink({ generation: 'generation-2', phone: anotherPhone, seenGeneration: 'generation-1' })
    const prepared = prepareLink(before, refOf(before), link, seconds(30)).state
    expect(prepared).toMatchObject({ credentials: before.credentials, session: before.session, cleanup: [] })
    const installed = commitLink(prepared, refOf(prepared), link, seconds(31))
    expect(installed.outcome).toBe('committed')
    expect(installed.state.credentials?.generation).toBe('generation-2')
    expect(installed.state.cleanup).toMatchObject([{ generation: 'generation-1', reason: 'phone-change' }])
  })

  test.each([
    ['another link was prepared', storing(), aLink({ generation: 'generation-2' })],
    ['it was never prepared', phoneConfirmed(), aLink()],
    ['another generation is current than was seen (R15)', storing(), aLink({ seenGeneration: 'generation-0' })],
    ['it is current already', restarting(), aLink({ seenGeneration: 'generation-1' })],
  ])('is refused when %s', (_, state, link) => {
    expect(commitLink(state, refOf(state), link, seconds(33))).toEqual({ state, notices: [], outcome: 'stale' })
  })
})

describe('a prepared link whose attempt ends', () => {
  const entry = { generation: 'generation-1', reason: 'attempt-ended', unlink: 'pending', wrappedKey: 'key-1' }

  test.each<[string, (state: CompanyState) => CompanyState]>([
    ['is cancelled', (state) => cancelPairing(state, [], seconds(33)).state],
    ['is superseded', (state) => requestPairing(state, aRequest({ phone: anotherPhone }), seconds(33)).state],
    ['fails', (state) => failAttempt(state, refOf(state), { code: 'HOST_UNAVAILABLE' }, seconds(33)).state],
    ['is out of time', (state) => timeOut(state, seconds(91)).state],
    ['has lost its host', (state) => adoptCompany(state, successor, seconds(33)).state],
  ])('because it %s is left to the clean-up, with its key (R7, R11)', (_, end) => {
    expect(end(storing()).cleanup).toMatchObject([entry])
  })

  test('leaves what is current alone (R8)', () => {
    const before = keptSession()
    const link = aLink({ generation: 'generation-2', phone: anotherPhone, seenGeneration: 'generation-1' })
    const prepared = prepareLink(before, refOf(before), link, seconds(30)).state
    const { state } = cancelPairing(prepared, [], seconds(31))
    expect(state).toMatchObject({ credentials: before.credentials, session: before.session })
    expect(state.cleanup).toMatchObject([{ generation: 'generation-2', reason: 'attempt-ended' }])
  })
})

test('retiring nothing changes nothing', () => {
  expect(retire(emptyCompany, 'reset', seconds(0))).toBe(emptyCompany)
})

/** A linked session that goes on while another phone pairs. */
function keptSession(): CompanyState {
  return accept(requested(linked(), { phone: anotherPhone }), 'keep-until-linked').state
}
