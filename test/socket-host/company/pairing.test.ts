import { describe, expect, it, test } from 'vitest'
import { type CloseReason, pairingFailure, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import { closeFor, refused } from '../../fakes/fake-whatsapp.ts'
import { companyRig, phoneA, phoneB } from '../support/company-rig.ts'

describe('a pairing by code', () => {
  it('goes from request to connected', async () => {
    const s = companyRig()
    await s.request(phoneA)
    expect(s.state().attempt).toMatchObject({ state: 'code-issued', shown: { code: 'ABCD-EFGH' } })
    s.whatsApp.last().emit({ type: 'phoneAnswered' })
    await s.clock.settle()
    expect(s.state().attempt?.state).toBe('phone-confirmed')
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    expect(s.state().attempt?.state).toBe('restarting')
    s.whatsApp.live('registration')[0]?.drop('restart')
    await s.clock.settle()
    expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { phone: phoneA } })
    expect(s.state().attempt).toBeUndefined()
    expect(s.eventNames()).toEqual([
      'pairing-started',
      'pairing-code',
      'pairing-progress',
      'pairing-progress',
      'whatsapp-connected',
    ])
    expect(s.publisher.events).toEqual(s.eventNames().slice(1))
  })

  it('computes expiry from the lifetime of the code and of its socket', async () => {
    const s = companyRig()
    await s.request()
    const now = s.clock.now()
    expect(s.state().attempt).toMatchObject({ expiresAt: now + 50_000, socketUntil: now + 160_000 })
  })

  it('asks for one code, however many QRs come and commands arrive', async () => {
    const s = companyRig()
    await s.request()
    s.whatsApp.last().qr('another')
    await s.request()
    await s.look()
    expect(s.whatsApp.sockets).toHaveLength(1)
    expect(s.whatsApp.last().codesAskedFor).toEqual([phoneA])
  })

  it('stores nothing before pair-success', async () => {
    const s = companyRig()
    await s.request()
    s.whatsApp.last().emit({ type: 'phoneAnswered' })
    await s.clock.settle()
    expect(s.whatsApp.stored.size).toBe(0)
    expect(s.state().credentials).toBeUndefined()
  })

  it('fails with the answer of WhatsApp, and stores its rate limit', async () => {
    const s = companyRig({ isObliging: false })
    await s.request()
    s.whatsApp.last().qr()
    s.whatsApp.last().answerCode(refused({ code: 'RATE_LIMITED', retryAfter: 600 }))
    await s.clock.settle()
    expect(s.state().lastAttempt).toMatchObject({ state: 'failed', failure: { code: 'RATE_LIMITED', retryAfter: 600 } })
    expect(s.coolDowns).toEqual([{ phone: phoneA, until: s.clock.now() + 600_000 }])
    expect(s.whatsApp.live()).toEqual([])
  })

  it('fails at once when the account has a passkey', async () => {
    const s = companyRig()
    await s.request()
    s.whatsApp.last().emit({ type: 'passkeyRequired' })
    await s.clock.settle()
    expect(s.state().lastAttempt?.failure).toEqual({ code: 'PASSKEY_REQUIRED' })
    expect(s.whatsApp.live()).toEqual([])
  })

  test.each(Object.keys(sessionVerdicts) as CloseReason[])('a close with %s fails it', async (reason) => {
    const s = companyRig({ isObliging: false })
    await s.request()
    s.whatsApp.last().drop(reason)
    await s.clock.settle()
    const failure = { code: pairingFailure(reason, false) }
    expect(s.state().lastAttempt).toMatchObject({ state: 'failed', failure })
  })

  it('times out when WhatsApp stays silent, and closes its socket', async () => {
    const s = companyRig({ isObliging: false })
    await s.request()
    await s.clock.advance(19_900)
    expect(s.state().attempt?.state).toBe('connecting')
    await s.clock.advance(200)
    expect(s.state().lastAttempt?.failure).toEqual({ code: 'PAIRING_TIMEOUT' })
    expect(s.whatsApp.live()).toEqual([])
  })

  it('wakes the watchdog only for a deadline before the one that is guarded already', async () => {
    const s = companyRig()
    await s.request()
    expect(s.state().attempt?.state).toBe('code-issued')
    expect(s.commands.wakes).toEqual([])
    const { expiresAt: until } = s.state().attempt as { expiresAt?: number }
    for (let typed = 1; typed <= 3; typed++) {
      s.whatsApp.last().emit({ type: 'phoneAnswered' })
      await s.clock.settle()
    }
    expect(s.commands.wakes).toMatchObject([{ due: s.clock.now() + 15_000, until, chain: s.state().guard?.chain }])
  })

  it('sends a message to the watchdog with the next decision when the queue was away', async () => {
    const s = companyRig()
    await s.request()
    const { wakeAt } = s.deps.commands
    Object.assign(s.deps.commands, { wakeAt: () => Promise.reject(new Error('away')) })
    s.whatsApp.last().emit({ type: 'phoneAnswered' })
    await s.clock.settle()
    Object.assign(s.deps.commands, { wakeAt })
    expect(s.commands.wakes).toEqual([])
    await s.clock.advance(15_100)
    expect(s.state().attempt?.state).toBe('code-issued')
    expect(s.commands.wakes).toHaveLength(1)
  })

  it('returns to the same code after a wrong one', async () => {
    const s = companyRig()
    await s.request()
    s.whatsApp.last().emit({ type: 'phoneAnswered' })
    await s.clock.advance(15_100)
    expect(s.state().attempt).toMatchObject({ state: 'code-issued', shown: { code: 'ABCD-EFGH' } })
    s.whatsApp.last().emit({ type: 'phoneAnswered' })
    await s.clock.settle()
    expect(s.state().attempt?.state).toBe('phone-confirmed')
    expect(s.whatsApp.last().codesAskedFor).toHaveLength(1)
  })

  it('still links when the code is typed after it has expired', async () => {
    const s = companyRig()
    await s.request()
    await s.clock.advance(60_000)
    expect(s.state().attempt?.state).toBe('expired')
    expect(s.whatsApp.live('registration')).toHaveLength(1)
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    s.whatsApp.live('registration')[0]?.drop('restart')
    await s.clock.settle()
    expect(s.state().session?.status).toBe('connected')
  })

  it('ends without another event when the code is never typed', async () => {
    const s = companyRig()
    await s.request()
    expect(s.idle()).toBe(0)
    await s.clock.advance(161_000)
    expect(s.state().attempt).toBeUndefined()
    expect(s.state().lastAttempt?.state).toBe('expired')
    expect(s.eventNames().filter((event) => event === 'pairing-code-error')).toHaveLength(1)
    expect(s.whatsApp.live()).toEqual([])
    expect(s.idle()).toBe(1)
  })

  it('is cancelled: its socket closes and late events change nothing', async () => {
    const s = companyRig()
    await s.request()
    const [socket] = s.whatsApp.sockets
    await s.cancel()
    expect(s.whatsApp.live()).toEqual([])
    const { writes } = s.companies
    const before = writes.length
    socket?.emit({ type: 'phoneAnswered' })
    socket?.emit({ type: 'closed', close: closeFor('lost') })
    await s.clock.settle()
    expect(writes).toHaveLength(before)
  })

  it('is rejected before anything stored changes when the host is busy', async () => {
    const s = companyRig()
    await s.linked(phoneA)
    while (s.deps.pacing.admitAttempt(20_000) === 'admitted') {}
    await s.request(phoneB)
    expect(s.state().lastAttempt?.failure).toEqual({ code: 'BUSY', retryAfter: 1 })
    expect(s.state().credentials?.phone).toBe(phoneA)
    expect(s.state().session?.status).toBe('connected')
  })
})

describe('a request for another phone', () => {
  it('closes the first socket before it opens its own', async () => {
    const s = companyRig()
    await s.request(phoneA)
    await s.request(phoneB)
    expect(s.whatsApp.journal).toEqual(['open registration 1', 'close registration 1', 'open registration 2'])
    expect(s.state().attempt).toMatchObject({ phone: phoneB, state: 'code-issued' })
    expect(s.events()).toContainEqual(
      expect.objectContaining({ event: 'pairing-code-error', failure: { code: 'PAIRING_SUPERSEDED' } }),
    )
  })

  it('is not disturbed by late events of the first socket', async () => {
    const s = companyRig()
    await s.request(phoneA)
    const [first] = s.whatsApp.sockets
    await s.request(phoneB)
    first?.emit({ type: 'phoneAnswered' })
    first?.link(phoneA)
    await s.clock.settle()
    expect(s.state().attempt).toMatchObject({ phone: phoneB, state: 'code-issued' })
    expect(s.state().credentials).toBeUndefined()
  })

  it('has the live session of the old phone unlinked on its own socket', async () => {
    const s = companyRig()
    await s.linked(phoneA)
    await s.request(phoneB)
    expect(s.whatsApp.devices[0]).toEqual({ phone: phoneA, isLinked: false })
    expect(s.state()).toMatchObject({ unlinked: 'confirmed', attempt: { phone: phoneB, state: 'code-issued' } })
    expect(s.swept).toEqual(['g1'])
  })

  it('keeps the old session until the new phone is linked, when that is the policy', async () => {
    const s = companyRig({ phoneChangePolicy: 'keep-until-linked' })
    await s.linked(phoneA)
    await s.request(phoneB)
    expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { phone: phoneA } })
    s.whatsApp.last().link(phoneB)
    await s.clock.settle()
    s.whatsApp.live('registration')[0]?.drop('restart')
    await s.clock.settle()
    expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { phone: phoneB } })
    expect(s.whatsApp.devices.map(({ isLinked }) => isLinked)).toEqual([false, true])
    expect(s.whatsApp.live()).toHaveLength(1)
  })

  it('links although the old session that was kept was logged out meanwhile', async () => {
    const s = companyRig({ phoneChangePolicy: 'keep-until-linked' })
    await s.linked(phoneA)
    await s.request(phoneB)
    s.whatsApp.live('login')[0]?.drop('loggedOut')
    await s.clock.settle()
    s.whatsApp.live('registration')[0]?.link(phoneB)
    await s.clock.settle()
    s.whatsApp.live('registration')[0]?.drop('restart')
    await s.clock.settle()
    expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { phone: phoneB } })
  })
})

describe('a request for the phone that is linked', () => {
  it('needs no admission: a busy host answers it', async () => {
    const s = companyRig()
    await s.linked()
    Object.assign(s.deps.pacing, { admitAttempt: () => ({ retryAfter: 5 }) })
    await s.request()
    expect(s.eventNames().at(-1)).toBe('whatsapp-connected')
  })

  it('is answered at once when its session is open', async () => {
    const s = companyRig()
    await s.linked(phoneA)
    const attemptId = await s.request(phoneA)
    expect(s.events().at(-1)).toMatchObject({ event: 'whatsapp-connected', attemptId })
    expect(s.whatsApp.live()).toHaveLength(1)
  })

  it('ends the back-off of a reconnecting session', async () => {
    const s = companyRig()
    await s.linked(phoneA)
    s.whatsApp.last().drop('lost')
    await s.clock.settle()
    expect(s.state().session?.status).toBe('reconnecting')
    await s.request(phoneA)
    expect(s.state().session?.status).toBe('connected')
    expect(s.state().lastAttempt?.state).toBe('connected')
  })

  it('fails after ten seconds when WhatsApp cannot be reached', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand(phoneA)
    s.whatsApp.last().drop('lost')
    await s.request(phoneA)
    await s.clock.advance(9900)
    expect(s.state().attempt?.state).toBe('connecting')
    await s.clock.advance(200)
    expect(s.state().lastAttempt?.failure).toEqual({ code: 'WHATSAPP_UNAVAILABLE' })
    expect(s.state().credentials?.phone).toBe(phoneA)
  })

  test.each([
    ['removed', undefined],
    ['restricted', 'g1'],
  ] as const)('restarts the pairing when the session turns out to be %s', async (reason, kept) => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand(phoneA)
    s.whatsApp.last().drop('lost')
    await s.request(phoneA)
    s.whatsApp.last().drop(reason)
    await s.clock.settle()
    expect(s.state().attempt).toMatchObject({ state: 'connecting', awaitsSession: false })
    expect(s.state().credentials?.generation).toBe(kept)
    expect(s.whatsApp.live('registration')).toHaveLength(1)
    expect(s.taken).toEqual([{ companyId: 'c1', phone: phoneA }])
    expect(s.eventNames()).toContain('whatsapp-disconnected')
  })

  it('is answered at once when the session turns out to be outdated, and the link stays (R9, R45)', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand(phoneA)
    s.whatsApp.last().drop('lost')
    await s.request(phoneA)
    s.whatsApp.last().drop('outdated')
    await s.clock.settle()
    expect(s.state().lastAttempt?.failure).toMatchObject({ code: 'CLIENT_OUTDATED' })
    expect(s.state().credentials?.generation).toBe('g1')
    expect(s.taken).toEqual([])
  })

  it('restarts the pairing when the stored credentials are corrupt', async () => {
    const s = companyRig()
    await s.linked(phoneA)
    s.whatsApp.stored.set('c1/g1', 'damaged')
    await s.reconciler.handOver()
    s.takeOver(2)
    await s.request(phoneA)
    expect(s.state().attempt).toMatchObject({ state: 'code-issued', phone: phoneA })
    expect(s.eventNames()).toContain('whatsapp-disconnected')
  })
})

describe('a pairing by QR', () => {
  it('shows each QR in turn, each before the last one counts as expired', async () => {
    const s = companyRig({ isObliging: false })
    await s.request(undefined, 'qr')
    s.whatsApp.last().qr('one', s.clock.now() + 20_000)
    await s.clock.advance(20_000)
    s.whatsApp.last().qr('two', s.clock.now() + 20_000)
    await s.clock.settle()
    expect(s.state().attempt).toMatchObject({ state: 'code-issued', shown: { qr: 'two' } })
    expect(s.eventNames()).toEqual(['pairing-started', 'qr', 'qr'])
  })

  it('unlinks the device when another phone than the requested one has linked it', async () => {
    const s = companyRig()
    await s.request(phoneA, 'qr')
    s.whatsApp.last().link(phoneB)
    await s.clock.settle()
    expect(s.state().lastAttempt?.failure).toEqual({ code: 'CREDENTIALS_CONFLICT' })
    expect(s.whatsApp.devices).toEqual([{ phone: phoneB, isLinked: false }])
    expect(s.state().credentials).toBeUndefined()
    expect(s.whatsApp.stored.size).toBe(0)
    expect(s.whatsApp.live()).toEqual([])
  })
})
