import { describe, expect, it, test } from 'vitest'
import { type CloseReason, sessionVerdicts } from '#shared/domain/session/disconnect.ts'
import { companyRig, phoneA } from '../support/company-rig.ts'

describe('a linked session', () => {
  const retried = (Object.entries(sessionVerdicts) as [CloseReason, { do: string }][]).filter(
    ([, verdict]) => verdict.do === 'retry' || verdict.do === 'retryIfOwner',
  )
  test.each(retried.map(([reason]) => reason))('is reopened after a close with %s', async (reason) => {
    const s = companyRig()
    await s.linked()
    s.whatsApp.last().drop(reason)
    await s.clock.settle()
    expect(s.state().session).toMatchObject({ status: 'reconnecting', error: sessionVerdicts[reason].code })
    await s.clock.advance(2000)
    expect(s.state().session?.status).toBe('connected')
    expect(s.eventNames()).toEqual(['whatsapp-disconnected', 'whatsapp-connected'])
  })

  it('logs in for the first time when its keys have been made, which takes a place of the queue', async () => {
    const s = companyRig()
    const { promise, resolve } = Promise.withResolvers<void>()
    Object.assign(s.whatsApp, { prepare: () => promise })
    await s.request()
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    s.whatsApp.live('registration')[0]?.drop('restart')
    await s.clock.settle()
    expect(s.whatsApp.live()).toEqual([])
    resolve()
    await s.clock.settle()
    expect(s.state().session?.status).toBe('connected')
  })

  it('is reopened without delay when WhatsApp asks for a restart', async () => {
    const s = companyRig()
    await s.linked()
    s.whatsApp.last().drop('restart')
    await s.clock.settle()
    expect(s.whatsApp.live('login')).toHaveLength(1)
    expect(s.state().session?.status).toBe('connected')
  })

  test.each([
    ['restricted', 'ACCOUNT_RESTRICTED'],
    ['outdated', 'CLIENT_OUTDATED'],
  ] as const)('stops after a close with %s and keeps its credentials', async (reason, code) => {
    const s = companyRig()
    await s.linked()
    s.whatsApp.last().drop(reason)
    // One that waits for a newer version tries again after a minute.
    await s.clock.advance(reason === 'outdated' ? 50_000 : 300_000)
    expect(s.state()).toMatchObject({ session: { status: 'stopped', error: code }, credentials: { generation: 'g1' } })
    expect(s.whatsApp.live()).toEqual([])
    expect(s.events()).toEqual([{ event: 'whatsapp-disconnected', code, willReconnect: false }])
  })

  it('retires its credentials when WhatsApp has removed its device', async () => {
    const s = companyRig()
    await s.linked()
    s.whatsApp.last().drop('removed')
    await s.clock.settle()
    expect(s.state().credentials).toBeUndefined()
    expect(s.state()).toMatchObject({ session: { status: 'logged-out' }, unlinked: 'not-linked' })
    expect(s.swept).toEqual(['g1'])
    expect(s.whatsApp.live()).toEqual([])
  })

  it('is refused for good only after four logins over 25 hours were refused twice each (R46)', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    const refuse = async () => {
      for (let time = 0; time < 2; time++) {
        s.whatsApp.live('login')[0]?.drop('loggedOut')
        await s.clock.advance(15_000)
      }
    }
    await refuse()
    expect(s.state()).toMatchObject({ session: { status: 'logged-out' }, credentials: { generation: 'g1' } })
    for (const hours of [1, 5, 19]) {
      expect(s.whatsApp.live()).toEqual([])
      await s.clock.advance(hours * 3_600_000)
      expect(s.whatsApp.live('login')).toHaveLength(1)
      expect(s.state().credentials?.generation).toBe('g1')
      await refuse()
    }
    expect(s.state().credentials).toBeUndefined()
    expect(s.eventNames().filter((name) => name === 'whatsapp-disconnected').length).toBeLessThanOrEqual(3)
  })

  it('comes back by itself when a refusal was one for a day (R46)', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    for (let time = 0; time < 2; time++) {
      s.whatsApp.live('login')[0]?.drop('loggedOut')
      await s.clock.advance(15_000)
    }
    await s.clock.advance(3_600_000)
    s.whatsApp.live('login')[0]?.opened()
    await s.clock.settle()
    expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { generation: 'g1' } })
  })

  it('backs off longer each time, until it has been open for a minute', async () => {
    const s = companyRig()
    await s.linked()
    const waits: number[] = []
    for (let close = 0; close < 5; close++) {
      s.whatsApp.last().drop('lost')
      const at = s.clock.now()
      const before = s.whatsApp.sockets.length
      while (s.whatsApp.sockets.length === before) await s.clock.advance(250)
      waits.push(s.clock.now() - at)
    }
    expect(waits).toEqual([750, 1500, 3000, 6000, 12_000])
    await s.clock.advance(61_000)
    s.whatsApp.last().drop('lost')
    await s.clock.advance(750)
    expect(s.state().session?.status).toBe('connected')
  })

  it('does not come back after a 440 when the lease is gone', async () => {
    const s = companyRig()
    await s.linked()
    s.lease.lose()
    s.whatsApp.last().drop('replaced')
    await s.clock.advance(120_000)
    expect(s.whatsApp.live()).toEqual([])
    expect(s.state().session?.status).toBe('connected')
  })

  it('is reopened when a socket opens and then hangs', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    s.whatsApp.last().drop('lost')
    await s.clock.advance(1000)
    const hanging = s.whatsApp.last()
    await s.clock.advance(125_000)
    expect(hanging.isOpen).toBe(false)
    expect(s.whatsApp.live()).toHaveLength(1)
    hanging.emit({ type: 'opened' })
    await s.clock.settle()
    expect(s.state().session?.status).toBe('reconnecting')
  })

  it('reports once the store is back what it could not report', async () => {
    const s = companyRig()
    await s.linked()
    s.companies.breakDown()
    s.whatsApp.last().drop('removed')
    await s.clock.advance(10_000)
    s.companies.repair()
    await s.clock.advance(6000)
    expect(s.state().session?.status).toBe('logged-out')
  })
})

describe('a company that another host has taken over', () => {
  it('has its session reopened by the new host', async () => {
    const s = companyRig()
    await s.linked()
    s.lease.lose()
    await s.reconciler.closeSockets()
    s.takeOver(2)
    await s.look()
    expect(s.state().session).toMatchObject({ status: 'connected', hostId: 'host-2', epoch: 2 })
    expect(s.whatsApp.live()).toHaveLength(1)
  })

  it('ends an attempt that only the old host could have finished', async () => {
    const s = companyRig()
    await s.request()
    s.lease.lose()
    await s.reconciler.closeSockets()
    s.takeOver(2)
    await s.look()
    expect(s.state().lastAttempt?.failure).toEqual({ code: 'HOST_UNAVAILABLE' })
  })

  it('connects a link that the old host has committed', async () => {
    const s = companyRig()
    await s.request()
    s.whatsApp.last().link('79001234567')
    await s.clock.settle()
    s.lease.lose()
    await s.reconciler.closeSockets()
    s.takeOver(2)
    await s.look()
    expect(s.state().lastAttempt?.state).toBe('connected')
    expect(s.whatsApp.devices).toEqual([{ phone: '79001234567', isLinked: true }])
  })

  it('connects it ahead of hundreds of others when its owner asks', async () => {
    const s = companyRig()
    await s.linked()
    await s.reconciler.handOver()
    for (let other = 0; other < 100; other++) s.deps.pacing.enter('reconnect', () => undefined)
    s.takeOver(2)
    await s.look()
    expect(s.whatsApp.live()).toEqual([])
    await s.request()
    expect(s.state().session?.status).toBe('connected')
    expect(s.eventNames()).toContain('whatsapp-connected')
  })

  it('keeps a stopped session stopped', async () => {
    const s = companyRig()
    await s.linked()
    s.whatsApp.last().drop('restricted')
    await s.clock.settle()
    s.takeOver(2)
    await s.look()
    expect(s.state().session?.status).toBe('stopped')
    expect(s.whatsApp.live()).toEqual([])
  })
})

describe('a session that cannot be opened', () => {
  /** Another host with a session that it cannot load, and the number of times that it reads the company's state. */
  async function unloadable() {
    const s = companyRig()
    await s.linked()
    await s.reconciler.handOver()
    const { read } = s.companies
    const count = { reads: 0 }
    Object.assign(s.companies, {
      read: (id: string) => {
        count.reads += 1
        return read(id)
      },
    })
    Object.assign(s.deps.dataKeys, { unwrap: async () => Promise.reject(new Error('no key')) })
    s.takeOver(2)
    await s.look()
    return { ...s, count }
  }

  it('shows why, in place of what the last host has written', async () => {
    const s = await unloadable()
    expect(s.state().session).toMatchObject({ status: 'reconnecting', error: 'INTERNAL' })
  })

  it('costs no read of the company when it fails again for the same reason', async () => {
    const s = await unloadable()
    const { reads } = s.count
    await s.clock.advance(300_000)
    expect(s.count.reads).toBe(reads)
    expect(s.lines.filter((line) => line.includes('Could not open the session')).length).toBeGreaterThan(4)
  })

  it('is closed only when the socket that hung is gone', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    const gone = Promise.withResolvers<void>()
    const { open } = s.whatsApp
    Object.assign(s.whatsApp, {
      open: (...args: Parameters<typeof open>) => ({ ...open(...args), close: () => gone.promise }),
    })
    s.whatsApp.last().drop('lost')
    await s.clock.advance(125_000)
    let isClosed = false
    const closing = s.reconciler.closeSockets().then(() => {
      isClosed = true
    })
    await s.clock.settle()
    expect(isClosed).toBe(false)
    gone.resolve()
    await closing
  })
})
