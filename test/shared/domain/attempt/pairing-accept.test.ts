import { describe, expect, test } from 'vitest'
import { acceptAttempt, restartPairing } from '#shared/domain/attempt/acceptance.ts'
import { issueCode, requestPairing } from '#shared/domain/attempt/pairing.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { sessionConnected, sessionEnded } from '#shared/domain/session/session.ts'
import {
  accept,
  aLink,
  anotherPhone,
  aRequest,
  code,
  connecting,
  host,
  linked,
  phone,
  refOf,
  requested,
  said,
  seconds,
  sessionOf,
  unreadableLink,
} from '../build.ts'

const stopped = () => {
  const state = linked()
  return sessionEnded(state, sessionOf(state), { code: 'ACCOUNT_RESTRICTED', how: 'stopped' }, seconds(40)).state
}

describe('a host accepts an attempt', () => {
  test('and pairs when nothing is stored', () => {
    const { state, outcome, notices } = accept(requested())
    expect(outcome).toBe('pair')
    expect(state).toMatchObject({ epoch: 7, attempt: { state: 'connecting', owner: host, awaitsSession: false } })
    expect(notices).toEqual([])
  })

  test('of another phone: the old link stays until there is a code (R8)', () => {
    const before = requested(linked(), { phone: anotherPhone })
    const { state, outcome } = accept(before)
    expect(outcome).toBe('pair')
    expect(state.credentials).toBe(before.credentials)
    expect(state.session).toBe(before.session)
    expect(state.cleanup).toEqual([])
  })

  test('of another phone: the write of its code retires the old generation, its session and its key (R7, R8)', () => {
    const accepted = accept(requested(linked(), { phone: anotherPhone })).state
    const { state, outcome } = issueCode(accepted, refOf(accepted), code, seconds(2))
    expect(outcome).toBe('issued')
    expect(state).not.toHaveProperty('credentials')
    expect(state).not.toHaveProperty('session')
    expect(state.unlinked).toBe('pending')
    expect(state.cleanup).toEqual([
      {
        generation: 'generation-1',
        reason: 'phone-change',
        retiredAt: seconds(2),
        ...{ phone, linkedAt: seconds(32) },
        unlink: 'pending',
        sweeps: 0,
        wrappedKey: 'key-1',
      },
    ])
  })

  test('of another phone under keep-until-linked: the old session goes on (R8)', () => {
    const before = requested(linked(), { phone: anotherPhone })
    const { state, outcome } = accept(before, 'keep-until-linked')
    expect(outcome).toBe('pair')
    expect(state.credentials).toBe(before.credentials)
    expect(state.session).toBe(before.session)
    expect(state.cleanup).toEqual([])
    expect(issueCode(state, refOf(state), code, seconds(2)).state.credentials).toBe(before.credentials)
  })

  test.each([
    ['the same phone', linked(), { phone }],
    ['no phone in particular', linked(), { method: 'qr' as const }],
    ['a phone while the stored one is unknown (R3)', linked(unreadableLink), { phone: anotherPhone }],
    ['another form of the phone', linked(aLink({ phone: '551187654321' })), { phone: '5511987654321' }],
  ])('of %s: the stored session is awaited (R9)', (_, before, request) => {
    const { phone: _phone, ...unnamed } = aRequest()
    const state = requestPairing(before, { ...unnamed, ...request }, seconds(0)).state
    const accepted = accept(state)
    expect(accepted.outcome).toBe('awaitSession')
    expect(accepted.state.credentials).toBe(before.credentials)
    expect(accepted.state.attempt).toMatchObject({ state: 'connecting', awaitsSession: true })
  })

  test.each(['replace', 'keep-until-linked'] as const)(
    'of a phone that WhatsApp stopped: fresh under %s (R9)',
    (policy) => {
      const { state, outcome } = accept(requested(stopped()), policy)
      expect(outcome).toBe('pair')
      expect(issueCode(state, refOf(state), code, seconds(2)).state).toMatchObject({
        credentials: { generation: 'generation-1' },
        cleanup: [],
      })
    },
  )

  test('only before its deadline, so that a late one destroys nothing (R8)', () => {
    const state = requested(linked(), { phone: anotherPhone })
    expect(acceptAttempt(state, refOf(state), 'replace', seconds(20))).toEqual({ state, notices: [], outcome: 'stale' })
  })

  test('once', () => {
    const { state } = accept(requested())
    expect(accept(state).outcome).toBe('stale')
  })
})

describe('the awaited session', () => {
  test('answers with whatsapp-connected, and no code was made (R9)', () => {
    const state = connecting(linked())
    const { state: done, notices } = sessionConnected(state, sessionOf(state), seconds(3))
    expect(said(notices)).toEqual(['whatsapp-connected -> r1,all'])
    expect(done).not.toHaveProperty('attempt')
    expect(done.lastAttempt?.state).toBe('connected')
  })

  test('that cannot be used: the attempt pairs afresh, and the old link stays until the new one (R9)', () => {
    const state = connecting(linked())
    const fresh = restartPairing(state, refOf(state))
    expect(fresh.outcome).toBe('pair')
    const issued = issueCode(fresh.state, refOf(fresh.state), code, seconds(5))
    expect(issued.outcome).toBe('issued')
    expect(issued.state).toMatchObject({ credentials: { generation: 'generation-1' }, cleanup: [] })
  })

  test('that connects while a fresh code is on screen makes the code void (R9)', () => {
    const waiting = connecting(linked())
    const fresh = restartPairing(waiting, refOf(waiting)).state
    const issued = issueCode(fresh, refOf(fresh), code, seconds(5)).state
    const { state, notices } = sessionConnected(issued, sessionOf(issued), seconds(6))
    // The code was the answer to the request.
    expect(said(notices)).toEqual(['whatsapp-connected -> all'])
    expect(state.lastAttempt?.state).toBe('connected')
    expect(state).not.toHaveProperty('attempt')
  })

  test('does not pair afresh when it was kept for another phone', () => {
    const state = keptSession()
    expect(restartPairing(state, refOf(state)).outcome).toBe('stale')
  })
})

/** A linked session that goes on while another phone pairs. */
function keptSession(): CompanyState {
  return accept(requested(linked(), { phone: anotherPhone }), 'keep-until-linked').state
}
