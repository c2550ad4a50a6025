import { describe, expect, it } from 'vitest'
import { companyRig, phoneA, phoneB } from '../support/company-rig.ts'

describe('a company that is handed over', () => {
  it('has its socket closed and its keys flushed before its session is written as reconnecting', async () => {
    const s = companyRig()
    await s.linked()
    const handingOver = s.reconciler.handOver()
    await handingOver
    expect(s.whatsApp.journal).toEqual(['close login 1', 'flush 1'])
    expect(s.state().session).toMatchObject({ status: 'reconnecting', error: 'HOST_UNAVAILABLE' })
    expect(s.events()).toEqual([{ event: 'whatsapp-disconnected', code: 'HOST_UNAVAILABLE', willReconnect: true }])
  })

  it('has an attempt that cannot survive the hand-over failed', async () => {
    const s = companyRig()
    await s.request()
    await s.reconciler.handOver()
    expect(s.state().lastAttempt?.failure).toEqual({ code: 'HOST_UNAVAILABLE' })
    expect(s.whatsApp.live()).toEqual([])
  })

  it('keeps a request that was not accepted for the successor', async () => {
    const s = companyRig()
    s.planHandOver(s.clock.now())
    await s.request()
    await s.reconciler.handOver()
    expect(s.state().attempt?.state).toBe('requested')
    s.planHandOver(Number.POSITIVE_INFINITY)
    s.takeOver(2)
    await s.look()
    expect(s.state().attempt?.state).toBe('code-issued')
  })
})

describe('a company whose lease is lost', () => {
  it('has its sockets closed without another write', async () => {
    const s = companyRig()
    await s.request()
    const before = s.companies.writes.length
    const [socket] = s.whatsApp.sockets
    s.lease.lose()
    socket?.emit({ type: 'phoneAnswered' })
    await s.clock.advance(30_000)
    await s.reconciler.closeSockets()
    await s.clock.advance(200_000)
    expect(s.companies.writes).toHaveLength(before)
    expect(s.whatsApp.live()).toEqual([])
  })

  it('leaves no timer behind, even if a read fails afterwards', async () => {
    const s = companyRig()
    const answer = Promise.withResolvers<never>()
    Object.assign(s.companies, { read: () => answer.promise })
    const looking = s.reconciler.reconcile()
    await s.clock.settle()
    s.lease.lose()
    await s.reconciler.closeSockets()
    answer.reject(new Error('too late'))
    await expect(looking).rejects.toThrow('too late')
    expect(s.clock.timers()).toBe(0)
  })

  it('has a link that was never persisted rolled back', async () => {
    const s = companyRig()
    await s.request(phoneA)
    s.lease.lose()
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    await s.reconciler.closeSockets()
    await s.clock.settle()
    expect(s.whatsApp.stored.size).toBe(0)
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: false }])
  })

  it('cannot be written to by the host that lost it, even when nobody has told it', async () => {
    const s = companyRig()
    await s.linked()
    const second = s.takeOver(2)
    await s.look()
    const { state } = { state: s.state() }
    await s.reconciler.reconcile()
    await s.clock.settle()
    expect(s.state()).toEqual(state)
    expect(second.lease.isOwner()).toBe(true)
  })

  it('opens no socket when its turn comes too late', async () => {
    const s = companyRig({ isObliging: false })
    await s.request(phoneB)
    s.whatsApp.last().drop('lost')
    s.lease.lose()
    await s.reconciler.closeSockets()
    await s.clock.advance(60_000)
    expect(s.whatsApp.sockets).toHaveLength(1)
  })
})
