/** Consequences of a close, by WhatsApp's code and by the phase of the socket (R26). */
import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '#shared/domain/values/errors.ts'
import { ok } from '#shared/domain/values/result.ts'
import { closeOf, type SocketPhase } from '../../../socket-host/whatsapp/close-reason.ts'
import { boom } from '../support/boom.ts'
import { companyRig } from '../support/company-rig.ts'

type Rig = ReturnType<typeof companyRig>
type Outcome = 'again' | 'at once' | 'stopped' | 'confirmed first'

/** Code; failure of an attempt with a code on screen; consequence for a login; error that is then reported. */
const table: readonly [code: number, pairing: ErrorCode, linked: Outcome, reported: ErrorCode][] = [
  [400, 'CLIENT_REJECTED', 'again', 'CLIENT_REJECTED'],
  [401, 'CLIENT_REJECTED', 'confirmed first', 'LOGGED_OUT'],
  [402, 'ACCOUNT_RESTRICTED', 'stopped', 'ACCOUNT_RESTRICTED'],
  [403, 'ACCOUNT_RESTRICTED', 'stopped', 'ACCOUNT_RESTRICTED'],
  [405, 'CLIENT_OUTDATED', 'stopped', 'CLIENT_OUTDATED'],
  [406, 'ACCOUNT_RESTRICTED', 'stopped', 'ACCOUNT_RESTRICTED'],
  [408, 'WHATSAPP_UNAVAILABLE', 'again', 'WHATSAPP_UNAVAILABLE'],
  [411, 'CLIENT_REJECTED', 'again', 'CLIENT_REJECTED'],
  [428, 'WHATSAPP_UNAVAILABLE', 'again', 'WHATSAPP_UNAVAILABLE'],
  [440, 'WHATSAPP_UNAVAILABLE', 'again', 'SESSION_REPLACED'],
  [500, 'WHATSAPP_UNAVAILABLE', 'again', 'WHATSAPP_UNAVAILABLE'],
  [503, 'WHATSAPP_UNAVAILABLE', 'again', 'WHATSAPP_UNAVAILABLE'],
  [515, 'WHATSAPP_UNAVAILABLE', 'at once', 'WHATSAPP_UNAVAILABLE'],
  [599, 'WHATSAPP_UNAVAILABLE', 'again', 'WHATSAPP_UNAVAILABLE'],
]

const dropWith = (s: Rig, code: number, phase: SocketPhase) =>
  s.whatsApp.last().drop(closeOf(boom('as WhatsApp says', code), phase, s.clock.now()).reason)

async function dropSession(s: Rig, code: number, outcome: Outcome): Promise<void> {
  const before = s.whatsApp.sockets.length
  dropWith(s, code, 'session')
  await s.clock.settle()
  const opened = s.whatsApp.sockets.length - before
  if (outcome !== 'stopped') expect(opened).toBe(outcome === 'at once' ? 1 : 0)
  if (outcome !== 'confirmed first') return
  // One more login, and it is refused as well.
  await s.clock.advance(15_000)
  expect(s.whatsApp.live('login')).toHaveLength(1)
  dropWith(s, code, 'session')
  await s.clock.settle()
}

describe('while a code is on screen', () => {
  test.each(table)('%i fails the attempt as %s, and the next one works', async (code, failure) => {
    const s = companyRig()
    await s.request()
    dropWith(s, code, 'registering')
    await s.clock.settle()
    expect(s.state().lastAttempt).toMatchObject({ state: 'failed', failure: { code: failure } })
    expect(s.whatsApp.live()).toEqual([])
    await s.request()
    expect(s.state().attempt?.state).toBe('code-issued')
  })
})

describe('right after pair-success', () => {
  test.each(table)('%i of the registration socket does not fail the attempt (R20)', async (code) => {
    const s = companyRig()
    await s.request()
    s.whatsApp.last().link('79001234567')
    await s.clock.settle()
    dropWith(s, code, 'linked')
    await s.clock.settle()
    expect(s.state().lastAttempt?.state).toBe('connected')
  })
})

describe('while a link restarts', () => {
  test.each(table)('%i of the first login', async (code, _pairing, outcome, reported) => {
    const s = companyRig({ isObliging: false })
    await s.request()
    s.whatsApp.last().link('79001234567')
    await s.clock.settle()
    s.whatsApp.last().drop('restart')
    await s.clock.settle()
    s.companies.notices.length = 0
    await dropSession(s, code, outcome)
    if (outcome === 'again' || outcome === 'at once') {
      expect(s.state().attempt?.state).toBe('restarting')
      expect(s.events()).toEqual([])
      await s.clock.advance(1000)
      expect(s.whatsApp.live('login')).toHaveLength(1)
      return
    }
    expect(s.state().lastAttempt).toMatchObject({ state: 'failed', failure: { code: reported } })
    // An installed link is a stored link: no close ends it (R45).
    expect(s.state()).toMatchObject({ credentials: { generation: 'g1' }, cleanup: [] })
    expect(s.eventNames()).toContain('pairing-code-error')
  })
})

describe.each([
  ['that was open', true],
  ['that was not open yet', false],
])('a session %s', (_name, wasOpen) => {
  test.each(table)('%i', async (code, _pairing, verdict, reported) => {
    // A second failure in a row waits, even if WhatsApp asks for a restart: restarts must not loop.
    const outcome = verdict === 'at once' && !wasOpen ? 'again' : verdict
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    if (!wasOpen) {
      s.whatsApp.last().drop('lost')
      await s.clock.advance(1000)
    }
    await dropSession(s, code, outcome)
    const { session, credentials } = s.state()
    if (outcome === 'again' || outcome === 'at once') {
      expect(session?.status).toBe('reconnecting')
      if (wasOpen) expect(session?.error).toBe(reported)
      await s.clock.advance(4000)
      expect(s.whatsApp.live('login')).toHaveLength(1)
      return
    }
    expect(session).toMatchObject({ status: outcome === 'stopped' ? 'stopped' : 'logged-out', error: reported })
    expect(credentials?.generation).toBe('g1')
    // One that waits for a newer version tries again after a minute.
    await s.clock.advance(code === 405 ? 50_000 : 600_000)
    expect(s.whatsApp.live()).toEqual([])
  })
})

describe('a session that has stopped', () => {
  const stopped = async (code: number) => {
    const s = companyRig()
    await s.linked()
    dropWith(s, code, 'session')
    await s.clock.settle()
    expect(s.state().session?.status).toBe('stopped')
    return s
  }

  test('is paired again when its owner requests a code (R9)', async () => {
    const s = await stopped(403)
    await s.request()
    expect(s.state()).toMatchObject({ attempt: { state: 'code-issued' }, credentials: { generation: 'g1' } })
    s.whatsApp.live('registration')[0]?.link('79001234567')
    await s.clock.settle()
    s.whatsApp.live('registration')[0]?.drop('restart')
    await s.clock.settle()
    expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { generation: 'g2' } })
    expect(s.state().cleanup[0]).toMatchObject({ generation: 'g1', reason: 'replaced' })
  })

  test('for its version answers a request at once, and loses nothing (R9, R45)', async () => {
    const s = await stopped(405)
    for (const phone of ['79001234567', '79161234567']) {
      await s.request(phone)
      expect(s.state()).not.toHaveProperty('attempt')
      expect(s.state().credentials?.generation).toBe('g1')
    }
    expect(s.whatsApp.live()).toEqual([])
  })

  test('by the fuse is paired again when its owner asks, and another phone replaces it only when it is linked (R8, R9)', async () => {
    const s = companyRig()
    for (const each of ['1', '2', '3', '4']) await s.fuse.takePlace(each, 'removed')
    await s.linked()
    s.whatsApp.last().drop('removed')
    await s.clock.settle()
    expect(s.state().session).toMatchObject({ status: 'stopped', error: 'WHATSAPP_UNAVAILABLE', fuse: 'removed' })
    await s.request('79161234567')
    expect(s.state()).toMatchObject({ attempt: { state: 'code-issued' }, credentials: { generation: 'g1' } })
    s.whatsApp.live('registration')[0]?.link('79161234567')
    await s.clock.settle()
    s.whatsApp.live('registration')[0]?.drop('restart')
    await s.clock.settle()
    expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { generation: 'g2' } })
    expect(s.state().cleanup[0]).toMatchObject({ generation: 'g1', reason: 'phone-change' })
  })

  test('by the fuse while a code for another phone is awaited keeps its link until that phone is linked (R8)', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    for (const each of ['1', '2', '3', '4']) await s.fuse.takePlace(each, 'removed')
    const session = s.whatsApp.last()
    await s.request('79161234567')
    session.drop('removed')
    await s.clock.settle()
    expect(s.state().session?.status).toBe('stopped')
    s.whatsApp.last().qr()
    await s.clock.settle()
    s.whatsApp.last().answerCode(ok('ABCD-EFGH'))
    await s.clock.settle()
    expect(s.state()).toMatchObject({
      attempt: { state: 'code-issued' },
      credentials: { generation: 'g1' },
      cleanup: [],
    })
  })

  test('for damaged credentials is tried once by the next owner, which may be a better build (R47)', async () => {
    const s = companyRig()
    await s.linked()
    const good = s.whatsApp.stored.get('c1/g1')!
    s.whatsApp.stored.set('c1/g1', 'damaged')
    await s.reconciler.handOver()
    s.lease.lose()
    s.takeOver(2)
    await s.look()
    expect(s.state().session).toMatchObject({ status: 'stopped', error: 'CREDENTIALS_CONFLICT' })
    s.whatsApp.stored.set('c1/g1', good)
    await s.clock.advance(600_000)
    expect(s.whatsApp.live('login')).toEqual([])
    s.takeOver(3)
    await s.look()
    expect(s.state().session?.status).toBe('connected')
  })

  test('is removed by a reset', async () => {
    const s = await stopped(403)
    await s.reset()
    expect(s.state()).not.toHaveProperty('session')
    expect(s.state().credentials).toBeUndefined()
  })

  test('for its version is reopened by the next owner, which may be a newer build', async () => {
    const s = await stopped(405)
    s.lease.lose()
    s.takeOver(2)
    await s.look()
    expect(s.state().session).toMatchObject({ status: 'connected', epoch: 2 })
    expect(s.eventNames()).toEqual(['whatsapp-disconnected', 'whatsapp-connected'])
  })

  test('for its version is tried once by the next owner, and then once a minute again', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    dropWith(s, 405, 'session')
    await s.clock.settle()
    s.lease.lose()
    s.takeOver(2)
    await s.look()
    expect(s.whatsApp.live('login')).toHaveLength(1)
    dropWith(s, 405, 'session')
    await s.clock.advance(50_000)
    expect(s.whatsApp.live()).toEqual([])
    expect(s.state().session).toMatchObject({ status: 'stopped', epoch: 2 })
    expect(s.eventNames().filter((name) => name === 'whatsapp-disconnected')).toHaveLength(1)
  })

  test.each([405])(
    'for its version (%i) tries again each minute, and connects when WhatsApp lets it (R45)',
    async (code) => {
      const s = companyRig({ isObliging: false })
      await s.linkedByHand()
      dropWith(s, code, 'session')
      await s.clock.advance(30_000)
      for (let minute = 0; minute < 3; minute++) {
        expect(s.whatsApp.live()).toEqual([])
        await s.clock.advance(60_000)
        expect(s.whatsApp.live('login')).toHaveLength(1)
        dropWith(s, code, 'session')
        await s.clock.settle()
        expect(s.state().session).toMatchObject({ status: 'stopped', error: 'CLIENT_OUTDATED' })
      }
      await s.clock.advance(60_000)
      s.whatsApp.last().opened()
      await s.clock.settle()
      expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { generation: 'g1' } })
      expect(s.eventNames().filter((name) => name === 'whatsapp-disconnected')).toHaveLength(1)
    },
  )

  test('for its account is not reopened by the next owner', async () => {
    const s = await stopped(403)
    s.lease.lose()
    s.takeOver(2)
    await s.look()
    expect(s.state().session?.status).toBe('stopped')
    expect(s.whatsApp.live()).toEqual([])
  })
})

test('a close with an unknown code is logged as an error', async () => {
  const s = companyRig()
  await s.linked()
  dropWith(s, 599, 'session')
  await s.clock.settle()
  const line = s.lines.map((each) => JSON.parse(each)).find(({ message }) => message === 'Session closed')
  expect(line.level).toMatch(/error/i)
})
