import { describe, expect, it } from 'vitest'
import { cancelPairing } from '#shared/domain/attempt/pairing.ts'
import { createReconciler } from '../../../socket-host/company/reconciler.ts'
import { companyId, companyRig, leaseOf, phoneA, stayingShard } from '../support/company-rig.ts'

describe('a reset', () => {
  it('unlinks the device on the live socket, answers, and sweeps three times', async () => {
    const s = companyRig()
    await s.linked()
    await s.reset()
    expect(s.events()).toEqual([{ event: 'credentials-reset', unlinked: 'confirmed' }])
    expect(s.whatsApp.sockets.filter(({ kind }) => kind === 'login')).toHaveLength(1)
    expect(s.whatsApp.live()).toEqual([])
    expect(s.swept).toEqual(['g1'])
    await s.clock.advance(3_600_000)
    expect(s.swept).toEqual(['g1', 'g1'])
    expect(s.idle()).toBe(0)
    await s.clock.advance(86_400_000)
    expect(s.swept).toEqual(['g1', 'g1', 'g1'])
    expect(s.state().cleanup).toEqual([])
    expect(s.idle()).toBe(1)
  })

  it('logs in with the retired credentials when the session is down', async () => {
    const s = companyRig()
    await s.linked()
    s.whatsApp.last().drop('lost')
    await s.clock.settle()
    await s.reset()
    expect(s.events().at(-1)).toEqual({ event: 'credentials-reset', unlinked: 'confirmed' })
    expect(s.whatsApp.devices[0]?.isLinked).toBe(false)
  })

  it('logs in when the keys of a link that never did have been made', async () => {
    const s = companyRig()
    await s.linked()
    s.whatsApp.last().drop('lost')
    await s.clock.settle()
    const { promise, resolve } = Promise.withResolvers<void>()
    Object.assign(s.whatsApp, { prepare: () => promise })
    await s.reset()
    expect(s.whatsApp.live()).toEqual([])
    expect(s.state().unlinked).toBe('pending')
    resolve()
    await s.clock.settle()
    expect(s.state().unlinked).toBe('confirmed')
  })

  it('is confirmed when the phone had removed the device already', async () => {
    const s = companyRig()
    await s.linked()
    s.whatsApp.last().drop('lost')
    for (const device of s.whatsApp.devices) device.isLinked = false
    await s.clock.settle()
    await s.reset()
    expect(s.state().unlinked).toBe('confirmed')
  })

  it('answers in time and shreds the key after a minute when WhatsApp stays silent', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    await s.reset()
    await s.clock.advance(4600)
    expect(s.events().at(-1)).toEqual({ event: 'credentials-reset', unlinked: 'unconfirmed' })
    expect(s.state().cleanup[0]?.wrappedKey).toBeDefined()
    await s.clock.advance(56_000)
    expect(s.state().cleanup[0]).not.toHaveProperty('wrappedKey')
    expect(s.state().unlinked).toBe('unconfirmed')
    expect(s.whatsApp.live()).toEqual([])
    expect(s.swept).toEqual(['g1'])
  })

  it('is finished by the next host when the first one is gone', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    await s.reset()
    s.lease.lose()
    await s.reconciler.closeSockets()
    s.takeOver(2)
    await s.look()
    s.whatsApp.last().opened()
    await s.clock.settle()
    s.whatsApp.last().answerUnlink('confirmed')
    await s.clock.settle()
    expect(s.state().unlinked).toBe('confirmed')
  })

  it('does not block a new pairing', async () => {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    await s.reset()
    await s.request('79161234567')
    s.whatsApp.last().qr()
    await s.clock.settle()
    expect(s.whatsApp.last().codesAskedFor).toEqual(['79161234567'])
  })
})

describe('stored credentials that are damaged', () => {
  it('stay and are reported, and the next request replaces them (R9, R47)', async () => {
    const s = companyRig()
    await s.linked()
    await s.reconciler.handOver()
    s.whatsApp.stored.set('c1/g1', 'damaged')
    s.takeOver(2)
    await s.look()
    expect(s.state().credentials?.generation).toBe('g1')
    expect(s.state().session).toMatchObject({ status: 'stopped', error: 'CREDENTIALS_CONFLICT' })
    await s.request()
    expect(s.state()).toMatchObject({ attempt: { state: 'code-issued' }, credentials: { generation: 'g1' } })
    s.whatsApp.last().link('79001234567')
    await s.clock.settle()
    s.whatsApp.live('registration')[0]?.drop('restart')
    await s.clock.settle()
    expect(s.state()).toMatchObject({ session: { status: 'connected' }, credentials: { generation: 'g2' } })
    expect(s.state().cleanup).toMatchObject([{ generation: 'g1', reason: 'replaced' }])
  })

  it('are reported when they have been deleted', async () => {
    const s = companyRig()
    await s.linked()
    await s.reconciler.handOver()
    s.whatsApp.stored.clear()
    s.takeOver(2)
    await s.look()
    expect(s.state().session?.error).toBe('CREDENTIALS_CONFLICT')
  })
})

describe('a link whose attempt has been cancelled', () => {
  it('leaves nothing running once its device has been removed', async () => {
    const s = companyRig()
    let ends = 0
    const reconciler = createReconciler(s.deps, companyId, leaseOf('host-2', 2), stayingShard, () => {
      ends += 1
    })
    s.lease.lose()
    await s.request()
    await reconciler.reconcile()
    await s.clock.settle()
    await s.companies.decide(companyId, (state, now) => cancelPairing(state, [], now))
    s.whatsApp.last().link(phoneA)
    await s.clock.settle()
    expect(s.whatsApp.devices).toEqual([{ phone: phoneA, isLinked: false }])
    expect(ends).toBe(1)
  })
})

describe('a sweep', () => {
  it('is retried when it fails', async () => {
    const s = companyRig()
    await s.linked()
    const { sweep } = s.deps.credentials
    let failures = 1
    Object.assign(s.deps.credentials, {
      sweep: (ref: Parameters<typeof sweep>[0]) => (failures-- > 0 ? Promise.reject(new Error('away')) : sweep(ref)),
    })
    await s.reset()
    expect(s.swept).toEqual([])
    await s.clock.advance(6000)
    expect(s.swept).toEqual(['g1'])
  })
})
