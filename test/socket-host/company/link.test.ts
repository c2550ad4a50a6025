import { describe, expect, it, test } from 'vitest'
import type { CloseReason } from '#shared/domain/session/disconnect.ts'
import { companyRig, phoneA, phoneB } from '../support/company-rig.ts'

describe('after pair-success', () => {
  const closes: CloseReason[] = ['restart', 'lost', 'unavailable', 'unknown', 'replaced']
  test.each(closes)('a close with %s is progress: the session opens with the same credentials', async (reason) => {
    const s = companyRig()
    await s.request()
    const { credentials } = s.whatsApp.last()
    s.whatsApp.last().link(phoneA)
    s.whatsApp.last().drop(reason)
    await s.clock.settle()
    expect(s.whatsApp.last()).toMatchObject({ kind: 'login', credentials })
    expect(s.state().session?.status).toBe('connected')
  })

  it('the link is stored before the socket is reopened', async () => {
    const s = companyRig()
    await s.request()
    s.whatsApp.last().link(phoneA)
    s.whatsApp.last().drop('restart')
    await s.clock.settle()
    expect(s.whatsApp.journal).toEqual(['open registration 1', 'close registration 1', 'persist c1/g1', 'open login 1'])
  })

  it('the link is prepared before any of it is stored, and becomes current only afterwards', async () => {
    const s = companyRig()
    await s.request()
    const { persist } = s.deps.whatsApp
    const seen: unknown[] = []
    Object.assign(s.deps.whatsApp, {
      persist: (...args: Parameters<typeof persist>) => {
        seen.push(s.state().attempt, s.state().credentials)
        return persist(...args)
      },
    })
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    expect(seen).toEqual([expect.objectContaining({ state: 'storing' }), undefined])
    expect(s.state().credentials?.generation).toBe('g1')
  })

  it.each(['before', 'after'] as const)(
    'a host that dies %s the rows are stored leaves the link to the next host',
    async (when) => {
      const s = companyRig()
      await s.request()
      const { persist } = s.deps.whatsApp
      Object.assign(s.deps.whatsApp, {
        persist: async (...args: Parameters<typeof persist>) => {
          if (when === 'after') await persist(...args)
          s.lease.lose()
          return new Promise(() => undefined)
        },
      })
      s.whatsApp.last().link(phoneA)
      await s.clock.settle()
      expect(s.state().attempt?.state).toBe('storing')
      s.takeOver(2)
      await s.look()
      await s.clock.advance(61_000)
      expect(s.events().at(-1)).toMatchObject({ event: 'pairing-code-error', failure: { code: 'HOST_UNAVAILABLE' } })
      expect(s.state().unlinked).toBe(when === 'after' ? 'confirmed' : 'unconfirmed')
      expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: when === 'before' }])
      expect(s.swept).toEqual(['g1'])
      expect(s.whatsApp.stored.size).toBe(0)
      expect(JSON.stringify(s.state())).not.toContain('wrappedKey')
    },
  )

  it('nothing of a wrong phone is stored', async () => {
    const s = companyRig()
    await s.request(phoneA)
    s.whatsApp.last().link(phoneB)
    await s.clock.settle()
    expect(s.whatsApp.journal.filter((line) => line.startsWith('persist'))).toEqual([])
    expect(s.state()).toMatchObject({ lastAttempt: { failure: { code: 'CREDENTIALS_CONFLICT' } }, cleanup: [] })
    expect(s.whatsApp.devices).toEqual([{ phone: phoneB, isLinked: false }])
  })

  it('the device of a link that cannot be stored is unlinked with the credentials in memory', async () => {
    const s = companyRig()
    await s.request()
    Object.assign(s.deps.whatsApp, { persist: () => Promise.reject(new Error('away')) })
    s.whatsApp.last().link(phoneA)
    await s.clock.advance(66_000)
    expect(s.state()).toMatchObject({ lastAttempt: { failure: { code: 'PAIRING_TIMEOUT' } }, unlinked: 'confirmed' })
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: false }])
  })

  it('a commit that fails does not lose the link: the stored link becomes current at the next try', async () => {
    const s = companyRig()
    await s.request()
    const { persist } = s.deps.whatsApp
    Object.assign(s.deps.whatsApp, {
      persist: async (...args: Parameters<typeof persist>) => {
        const outcome = await persist(...args)
        s.companies.breakDown()
        return outcome
      },
    })
    s.whatsApp.last().link(phoneA)
    s.whatsApp.last().drop('restart')
    await s.clock.advance(1000)
    expect(s.state().attempt?.state).toBe('storing')
    s.companies.repair()
    await s.clock.advance(5000)
    expect(s.state()).toMatchObject({ lastAttempt: { state: 'connected' }, credentials: { generation: 'g1' } })
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: true }])
  })

  it('an old session that WhatsApp stops meanwhile does not fail the new link (R8)', async () => {
    const s = companyRig({ phoneChangePolicy: 'keep-until-linked' })
    await s.linked()
    const old = s.whatsApp.last()
    await s.request(phoneB)
    old.drop('restricted')
    await s.clock.settle()
    expect(s.state()).toMatchObject({ session: { status: 'stopped' }, attempt: { state: 'code-issued' } })
    s.whatsApp.live('registration')[0]?.link(phoneB)
    await s.clock.settle()
    expect(s.state().credentials?.phone).toBe(phoneB)
    expect(s.state().attempt?.state).toBe('restarting')
  })

  it('the device of a link that was never stored is unlinked by the host that holds it, even during a hand-over', async () => {
    const s = companyRig({ isObliging: false })
    await s.request()
    s.whatsApp.last().qr()
    await s.clock.settle()
    Object.assign(s.deps.whatsApp, { persist: () => Promise.reject(new Error('away')) })
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    await s.cancel()
    const handingOver = s.reconciler.handOver()
    await s.clock.settle()
    s.whatsApp.last().opened()
    await s.clock.settle()
    s.whatsApp.last().answerUnlink('confirmed')
    await handingOver
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: false }])
  })

  it('a link that was never prepared is rolled back although the store was away when the lease was lost', async () => {
    const s = companyRig()
    await s.request()
    const { create } = s.deps.dataKeys
    Object.assign(s.deps.dataKeys, {
      create: (...args: Parameters<typeof create>) => {
        s.companies.breakDown()
        return create(...args)
      },
    })
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    s.lease.lose()
    await s.reconciler.closeSockets()
    await s.clock.advance(2000)
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: true }])
    // The time for the roll-back has passed by the wall clock only.
    s.clock.setWall(s.clock.now() + 120_000)
    s.companies.repair()
    await s.clock.advance(20_000)
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: false }])
  })

  it('the restart is retried within twenty seconds', async () => {
    const s = companyRig({ isObliging: false })
    await s.request()
    s.whatsApp.last().link(phoneA)
    s.whatsApp.last().drop('restart')
    await s.clock.settle()
    for (let tries = 0; tries < 3; tries++) {
      s.whatsApp.last().drop('lost')
      await s.clock.advance(5000)
    }
    expect(s.whatsApp.sockets.filter(({ kind }) => kind === 'login').length).toBeGreaterThanOrEqual(4)
    s.whatsApp.last().opened()
    await s.clock.settle()
    expect(s.state().lastAttempt?.state).toBe('connected')
  })

  it('a link that connects late outlives its attempt (R11, R45)', async () => {
    const s = companyRig({ isObliging: false })
    await s.request()
    s.whatsApp.last().link(phoneA)
    s.whatsApp.last().drop('restart')
    await s.clock.advance(61_000)
    expect(s.state().lastAttempt?.failure).toEqual({ code: 'PAIRING_TIMEOUT' })
    expect(s.state()).toMatchObject({ credentials: { generation: 'g1' }, session: { status: 'reconnecting' } })
    s.whatsApp.live('login')[0]?.opened()
    await s.clock.settle()
    expect(s.state().session?.status).toBe('connected')
    expect(s.eventNames().at(-1)).toBe('whatsapp-connected')
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: true }])
  })

  it('a commit whose answer was lost is found', async () => {
    const s = companyRig()
    await s.request()
    s.companies.loseNextAnswerForGood()
    s.whatsApp.last().link(phoneA)
    s.whatsApp.last().drop('restart')
    await s.clock.advance(1000)
    expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { generation: 'g1' } })
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: true }])
  })

  it('the commit waits for a store that is away for ten seconds', async () => {
    const s = companyRig()
    await s.request()
    s.companies.breakDown()
    s.whatsApp.last().link(phoneA)
    s.whatsApp.last().drop('restart')
    await s.clock.advance(10_000)
    s.companies.repair()
    await s.clock.advance(6000)
    expect(s.state().session?.status).toBe('connected')
  })

  it('a lease that is lost while the registration closes opens no session', async () => {
    const s = companyRig()
    const closes = Promise.withResolvers<void>()
    const { open } = s.whatsApp
    Object.assign(s.whatsApp, {
      open: (...args: Parameters<typeof open>) => {
        const socket = open(...args)
        const { kind } = s.whatsApp.last()
        return { ...socket, close: () => (kind === 'login' ? socket.close() : closes.promise.then(socket.close)) }
      },
    })
    await s.request()
    s.whatsApp.last().link(phoneA)
    // The attempt is over, and WhatsApp has not closed the registration socket: this host does.
    await s.clock.advance(61_000)
    expect(s.state().attempt).toBeUndefined()
    s.lease.lose()
    const closed = s.reconciler.closeSockets()
    closes.resolve()
    await closed
    await s.clock.advance(1000)
    expect(s.whatsApp.live('login')).toEqual([])
  })

  it('a cancelled attempt leaves no device behind', async () => {
    const s = companyRig()
    await s.request()
    s.companies.breakDown()
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    s.companies.repair()
    await s.cancel()
    await s.clock.advance(2000)
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: false }])
    expect(s.whatsApp.stored.size).toBe(0)
    expect(s.whatsApp.live()).toEqual([])
  })

  it('a superseded attempt leaves no device behind, and the new one pairs', async () => {
    const s = companyRig()
    await s.request(phoneA)
    s.companies.breakDown()
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    s.companies.repair()
    await s.request(phoneB)
    await s.clock.settle()
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: false }])
    expect(s.state().attempt).toMatchObject({ phone: phoneB, state: 'code-issued' })
  })

  it('a reset while the link restarts unlinks the device', async () => {
    const s = companyRig()
    await s.request()
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    expect(s.state().attempt?.state).toBe('restarting')
    await s.reset()
    await s.clock.advance(2000)
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: false }])
    expect(s.events()).toContainEqual({ event: 'credentials-reset', unlinked: 'confirmed' })
    expect(s.whatsApp.live()).toEqual([])
  })

  it('an unlink that fails at first is retried', async () => {
    const s = companyRig({ isObliging: false })
    await s.request(phoneA)
    s.whatsApp.last().link(phoneB)
    await s.clock.settle()
    s.whatsApp.last().drop('lost')
    await s.clock.advance(2000)
    s.whatsApp.last().opened()
    await s.clock.settle()
    s.whatsApp.last().answerUnlink('confirmed')
    await s.clock.settle()
    expect(s.whatsApp.devices).toEqual([{ phone: phoneB, isLinked: false }])
  })
})
