import { describe, expect, test } from 'vitest'
import { cancelPairing, failAttempt } from '#shared/domain/attempt/pairing.ts'
import type { CompanyState, Decision } from '#shared/domain/company/company.ts'
import { adoptCompany } from '#shared/domain/session/adoption.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import {
  isLastRefusal,
  nextLoginAt,
  type SessionRef,
  sessionConnected,
  sessionEnded,
  sessionInterrupted,
} from '#shared/domain/session/session.ts'
import {
  aLink,
  anotherPhone,
  codeIssued,
  connecting,
  expired,
  host,
  linked,
  phoneConfirmed,
  predecessor,
  refOf,
  requested,
  restarting,
  said,
  seconds,
  sessionOf,
  successor,
} from '../build.ts'

/** The time at which a company was told `LOGGED_OUT`, for another state of it. */
const toldAt = ({ loggedOutAt = 0 }: CompanyState) => ({ loggedOutAt })
const interrupt = (state: CompanyState) =>
  sessionInterrupted(state, sessionOf(state), 'WHATSAPP_UNAVAILABLE', seconds(50))
const end = (state: CompanyState, code: 'LOGGED_OUT' | 'ACCOUNT_RESTRICTED' | 'CLIENT_OUTDATED') =>
  sessionEnded(state, sessionOf(state), { code, how: code === 'LOGGED_OUT' ? 'removed' : 'stopped' }, seconds(50))

describe('a link that connects', () => {
  test('ends its attempt as connected; a request that got a code gets the event, but no second answer', () => {
    const state = restarting()
    const { state: done, notices } = sessionConnected(state, sessionOf(state), seconds(35))
    expect(done).not.toHaveProperty('attempt')
    expect(done.lastAttempt).toEqual({ attemptId: 'attempt-1', method: 'code', state: 'connected', at: seconds(35) })
    expect(done.session).toMatchObject({ status: 'connected', since: seconds(35), connectedAt: seconds(35) })
    expect(said(notices)).toEqual(['whatsapp-connected -> all'])
    expect(notices[0]?.event).toHaveProperty('attemptId', 'attempt-1')
  })

  test('without an attempt, the company hears of it once', () => {
    const down = interrupt(linked()).state
    const up = sessionConnected(down, sessionOf(down), seconds(60))
    expect(said(up.notices)).toEqual(['whatsapp-connected -> all'])
    expect(up.notices[0]?.event).not.toHaveProperty('attemptId')
    expect(sessionConnected(up.state, sessionOf(up.state), seconds(61)).notices).toEqual([])
  })

  test('does not end the attempt of another phone', () => {
    const state = requested(interrupt(linked()).state, { phone: anotherPhone })
    const { state: next } = sessionConnected(state, sessionOf(state), seconds(60))
    expect(next.attempt).toBe(state.attempt)
  })
})

describe('an interruption', () => {
  test('of a connected session is announced, with willReconnect', () => {
    const { state, notices } = interrupt(linked())
    expect(state.session).toMatchObject({ status: 'reconnecting', since: seconds(50), connectedAt: seconds(35) })
    expect(said(notices)).toEqual(['whatsapp-disconnected WHATSAPP_UNAVAILABLE -> all'])
    expect(notices[0]?.event).toMatchObject({ willReconnect: true })
    expect(interrupt(state).notices).toEqual([])
  })

  test('for another reason is written, but not announced again', () => {
    const down = interrupt(linked()).state
    const { state, notices } = sessionInterrupted(down, sessionOf(down), 'CLIENT_REJECTED', seconds(60))
    expect(state.session).toMatchObject({ status: 'reconnecting', since: seconds(50), error: 'CLIENT_REJECTED' })
    expect(notices).toEqual([])
  })

  test('right after pair-success is no interruption at all (R20)', () => {
    const { state, notices } = interrupt(restarting())
    expect(state.session?.status).toBe('connecting')
    expect(state.attempt?.state).toBe('restarting')
    expect(notices).toEqual([])
  })
})

describe('an end', () => {
  test('by logout retires the credentials; nothing is left to unlink', () => {
    const { state, notices } = end(linked(), 'LOGGED_OUT')
    expect(state).not.toHaveProperty('credentials')
    expect(state.session).toMatchObject({ status: 'logged-out', error: 'LOGGED_OUT' })
    expect(state.cleanup).toMatchObject([{ reason: 'logged-out', unlink: 'not-linked' }])
    expect(state.cleanup[0]).not.toHaveProperty('wrappedKey')
    expect(said(notices)).toEqual(['whatsapp-disconnected LOGGED_OUT -> all'])
  })

  test('by restriction keeps the credentials and stops', () => {
    const { state, notices } = end(linked(), 'ACCOUNT_RESTRICTED')
    expect(state.credentials?.generation).toBe('generation-1')
    expect(state.session).toMatchObject({ status: 'stopped', error: 'ACCOUNT_RESTRICTED' })
    expect(notices[0]?.event).toMatchObject({ willReconnect: false })
  })

  test('by restriction until a time says so, and logs in by itself then (R48)', () => {
    const until = seconds(3600)
    const state = linked()
    const stopped = sessionEnded(
      state,
      sessionOf(state),
      { code: 'ACCOUNT_RESTRICTED', how: 'stopped', until },
      seconds(50),
    )
    expect(stopped.state.session).toMatchObject({ status: 'stopped', until })
    expect(stopped.notices[0]?.event).toMatchObject({ willReconnect: false, until })
    expect(nextLoginAt(stopped.state.session!)).toBe(until)
    const back = sessionConnected(stopped.state, sessionOf(stopped.state), until).state
    expect(back.session).not.toHaveProperty('until')
  })

  test('by refusal keeps the credentials, and logs in again after 1, 6 and 25 hours (R46)', () => {
    let state = linked()
    const refuse = (at: number) => {
      const refused = sessionEnded(state, sessionOf(state), { code: 'LOGGED_OUT', how: 'refused' }, at)
      state = refused.state
      return said(refused.notices)
    }
    const hours = (count: number) => seconds(50) + count * 3_600_000
    expect(refuse(hours(0))).toEqual(['whatsapp-disconnected LOGGED_OUT -> all'])
    expect(nextLoginAt(state.session!)).toBe(hours(1))
    expect(refuse(hours(1))).toEqual([])
    expect(nextLoginAt(state.session!)).toBe(hours(6))
    expect(isLastRefusal(state.session, hours(24))).toBe(false)
    refuse(hours(6))
    expect(nextLoginAt(state.session!)).toBe(hours(25))
    expect(isLastRefusal(state.session, hours(24))).toBe(false)
    expect(isLastRefusal(state.session, hours(25))).toBe(true)
    expect(state.credentials?.generation).toBe('generation-1')
    const back = sessionConnected(state, sessionOf(state), hours(25)).state
    expect(back.session).not.toHaveProperty('refusals')
  })

  test('by removal right after pair-success fails the attempt and takes its link along (R11)', () => {
    const { state, notices } = end(restarting(), 'LOGGED_OUT')
    expect(state).not.toHaveProperty('attempt')
    expect(state).not.toHaveProperty('credentials')
    expect(state).not.toHaveProperty('session')
    expect(state.cleanup).toMatchObject([{ generation: 'generation-1', reason: 'logged-out', unlink: 'not-linked' }])
    expect(said(notices)).toEqual(['pairing-code-error LOGGED_OUT -> r1,all'])
  })

  test('by a refusal that was not due counts as none (R45)', () => {
    const refuse = (state: CompanyState, at: number) =>
      sessionEnded(state, sessionOf(state), { code: 'LOGGED_OUT', how: 'refused' }, seconds(50) + at).state
    const refused = [0, 60_000, 120_000, 180_000].reduce(refuse, linked())
    expect(refused.session?.refusals).toEqual({ count: 1, firstAt: seconds(50) })
    expect(refuse(refused, 3_600_000).session?.refusals?.count).toBe(2)
  })

  test('for the second time within a day advises to look at the phone and to wait (R46)', () => {
    const hour = 3_600_000
    const removed = (state: CompanyState, at: number) =>
      sessionEnded(state, sessionOf(state), { code: 'LOGGED_OUT', how: 'removed' }, at)
    const first = removed(linked(), seconds(50))
    expect(first.notices[0]?.event).not.toHaveProperty('action')
    const again = { ...linked(), ...toldAt(first.state) }
    expect(removed(again, seconds(50) + 23 * hour).notices[0]?.event).toMatchObject({ action: 'wait' })
    expect(removed(again, seconds(50) + 25 * hour).notices[0]?.event).not.toHaveProperty('action')
    const pairing = { ...restarting(), ...toldAt(first.state) }
    const failed = end(pairing, 'LOGGED_OUT')
    expect(failed.state.lastAttempt?.failure).toEqual({ code: 'LOGGED_OUT', action: 'wait' })
  })

  test.each(['ACCOUNT_RESTRICTED', 'CLIENT_OUTDATED'] as const)(
    'by %s right after pair-success fails the attempt and keeps its link (R11, R45)',
    (code) => {
      const { state, notices } = end(restarting(), code)
      expect(state).not.toHaveProperty('attempt')
      expect(state).toMatchObject({
        credentials: { generation: 'generation-1' },
        session: { status: 'stopped', error: code },
      })
      expect(state.cleanup).toEqual([])
      expect(said(notices)).toEqual([`pairing-code-error ${code} -> r1,all`])
    },
  )
})

describe('an attempt that fails after its link was installed (R11, R45)', () => {
  test('keeps the link, whose session goes on trying and tells when it is up', () => {
    const state = restarting()
    const { state: next, notices } = failAttempt(state, refOf(state), { code: 'STORE_UNAVAILABLE' }, seconds(40))
    expect(next).toMatchObject({
      credentials: { generation: 'generation-1' },
      session: { status: 'reconnecting', error: 'STORE_UNAVAILABLE' },
      cleanup: [],
    })
    expect(said(notices)).toEqual(['pairing-code-error STORE_UNAVAILABLE -> r1,all'])
    const up = sessionConnected(next, sessionOf(next), seconds(100))
    expect(said(up.notices)).toEqual(['whatsapp-connected -> all'])
  })

  test.each([
    ['a cancel', (state: CompanyState) => cancelPairing(state, [], seconds(40)).state],
    ['a request for another phone', (state: CompanyState) => requested(state, { phone: anotherPhone })],
  ])('is undone by %s', (_, act) => {
    const next = act(restarting())
    expect(next).not.toHaveProperty('credentials')
    expect(next.cleanup).toMatchObject([{ generation: 'generation-1', reason: 'attempt-ended', wrappedKey: 'key-1' }])
  })
})

describe('a host that is too late changes nothing (R12)', () => {
  const steps: Readonly<Record<string, (state: CompanyState, ref: SessionRef) => Decision<string>>> = {
    sessionConnected: (state, ref) => sessionConnected(state, ref, seconds(50)),
    sessionInterrupted: (state, ref) => sessionInterrupted(state, ref, 'WHATSAPP_UNAVAILABLE', seconds(50)),
    sessionEnded: (state, ref) => sessionEnded(state, ref, { code: 'LOGGED_OUT', how: 'removed' }, seconds(50)),
  }
  const cases: readonly [string, CompanyState, SessionRef][] = [
    ['of a retired generation', resetCredentials(linked(), [], seconds(40)).state, sessionOf(linked())],
    ['of an older generation', linked(), { generation: 'generation-0', owner: host }],
    ['of a lower epoch', linked(), sessionOf(linked(), predecessor)],
    ['after a take-over', adoptCompany(linked(), successor, seconds(40)).state, sessionOf(linked())],
  ]
  test.each(cases)('%s', (_, state, ref) => {
    for (const step of Object.values(steps)) expect(step(state, ref)).toEqual({ state, notices: [], outcome: 'stale' })
  })

  test('a stale logout does not wipe a new pairing', () => {
    const old = linked()
    const again = restarting(resetCredentials(old, [], seconds(40)).state, aLink({ generation: 'generation-2' }))
    expect(steps['sessionEnded']?.(again, sessionOf(old)).state).toBe(again)
  })
})

describe('a host that takes a company over', () => {
  const adopt = (state: CompanyState) => adoptCompany(state, successor, seconds(60))

  test.each([
    ['connecting, and too late to begin again', connecting()],
    ['code-issued', codeIssued()],
    ['phone-confirmed', phoneConfirmed()],
  ])('ends an attempt that is %s as HOST_UNAVAILABLE (R28)', (_, before) => {
    const { state, notices } = adopt(before)
    expect(state).not.toHaveProperty('attempt')
    expect(state.epoch).toBe(successor.epoch)
    expect(state.lastAttempt).toMatchObject({ state: 'failed', failure: { code: 'HOST_UNAVAILABLE' } })
    expect(said(notices)).toEqual(['pairing-code-error HOST_UNAVAILABLE -> r1,all'])
  })

  test('ends an expired attempt without an event', () => {
    const { state, notices } = adopt(expired())
    expect(state).not.toHaveProperty('attempt')
    expect(notices).toEqual([])
  })

  test('leaves a request that no host has accepted', () => {
    const before = requested()
    expect(adopt(before).state).toEqual({ ...before, epoch: successor.epoch })
  })

  test('finishes a link that was installed (R6)', () => {
    const { state, notices } = adopt(restarting())
    expect(state.attempt).toMatchObject({ state: 'restarting', owner: successor, connectBy: seconds(120) })
    expect(state.session).toMatchObject({ status: 'connecting', epoch: successor.epoch, hostId: 'host-2' })
    expect(notices).toEqual([])
    const done = sessionConnected(state, sessionOf(state, successor), seconds(65))
    expect(done.state.lastAttempt?.state).toBe('connected')
  })

  test('shows a connected session as reconnecting, a stopped one as stopped', () => {
    expect(adopt(linked()).state.session).toMatchObject({ status: 'reconnecting', epoch: successor.epoch })
    expect(adopt(end(linked(), 'ACCOUNT_RESTRICTED').state).state.session?.status).toBe('stopped')
    expect(adopt(end(linked(), 'LOGGED_OUT').state).state.session?.status).toBe('logged-out')
  })

  test('shows the last error until the session is connected', () => {
    const { state } = adopt(interrupt(linked()).state)
    expect(state.session).toMatchObject({ status: 'reconnecting', error: 'WHATSAPP_UNAVAILABLE' })
    const up = sessionConnected(state, sessionOf(state, successor), seconds(65)).state
    expect(up.session).not.toHaveProperty('error')
  })

  test('leaves a session as it has ended, also one that it will try: it stays so until it connects', () => {
    const { session } = end(linked(), 'CLIENT_OUTDATED').state
    expect(adopt(end(linked(), 'CLIENT_OUTDATED').state).state.session).toEqual(session)
  })

  test('is refused when a later one already has', () => {
    const state = adopt(linked()).state
    expect(adoptCompany(state, host, seconds(61))).toEqual({ state, notices: [], outcome: 'stale' })
  })
})
