import { describe, expect, it } from 'vitest'
import { unlinkFinished } from '#shared/domain/company/cleanup.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { nextStep, type Running } from '../../../socket-host/company/next-step.ts'
import { host, linked, requested, seconds } from '../../shared/domain/build.ts'
import { stage } from '../support/stage.ts'

const nothing: Running = { registration: undefined, session: undefined, unlinks: new Map(), sweeps: new Map() }

describe('what is done next', () => {
  it('lets go of a removal that was given up before its unlinker returned (R13)', () => {
    const reset = resetCredentials(linked(), [], seconds(40)).state
    const { state } = unlinkFinished(reset, 'generation-1', 'unconfirmed')
    const running = { ...nothing, unlinks: new Map([['generation-1', { result: 'confirmed' as const }]]) }
    expect(nextStep(state, running, { owner: host, handOverAt: Number.POSITIVE_INFINITY }, seconds(101))).toEqual({
      do: 'reportUnlinked',
      generation: 'generation-1',
      result: 'confirmed',
    })
  })

  it.each([
    ['is taken on when its code is due before the host leaves', 20, 'acceptAttempt'],
    ['is left to the heir otherwise', 19, undefined],
  ])('a request %s', (_, handOverAt, step) => {
    const state = { ...requested(), epoch: host.epoch }
    expect(nextStep(state, nothing, { owner: host, handOverAt: seconds(handOverAt) }, seconds(1))?.do).toBe(step)
  })
})

describe('a session that does not come up', () => {
  /** Its host has been replaced, and the new one gets nowhere. */
  async function replaced() {
    const s = stage({ isObliging: false })
    await s.linkedByHand()
    s.companies.notices.length = 0
    await s.runner.handOver()
    return s
  }

  it('tells why, also when the first try of a new host fails', async () => {
    const s = await replaced()
    s.takeOver(2)
    await s.look()
    expect(s.state().session).toMatchObject({ status: 'reconnecting', error: 'HOST_UNAVAILABLE' })
    s.whatsApp.last().drop('rejected')
    await s.clock.settle()
    expect(s.state().session).toMatchObject({ status: 'reconnecting', error: 'CLIENT_REJECTED' })
    expect(s.eventNames()).toEqual(['whatsapp-disconnected'])
  })

  it('tells the last reason, by one write each time that it changes', async () => {
    const s = stage({ isObliging: false })
    await s.linkedByHand()
    s.companies.notices.length = 0
    const errors: (string | undefined)[] = []
    const before = s.companies.writes.length
    for (const reason of ['lost', 'rejected', 'rejected', 'rejected', 'unavailable', 'lost'] as const) {
      s.whatsApp.last().drop(reason)
      await s.clock.advance(60_000)
      errors.push(s.state().session?.error)
    }
    const [down, refused] = ['WHATSAPP_UNAVAILABLE', 'CLIENT_REJECTED']
    expect(errors).toEqual([down, refused, refused, refused, down, down])
    expect(s.companies.writes).toHaveLength(before + 3)
    expect(s.eventNames()).toEqual(['whatsapp-disconnected'])
    s.whatsApp.last().opened()
    await s.clock.settle()
    expect(s.state().session).not.toHaveProperty('error')
  })

  it.each([
    ['is away', new StoreUnavailable('kms', undefined), 'STORE_UNAVAILABLE'],
    ['denies access', new Error('AccessDeniedException'), 'INTERNAL'],
  ])('tells that what its keys are read with %s', async (_, error, code) => {
    const s = await replaced()
    Object.assign(s.deps.dataKeys, { unwrap: () => Promise.reject(error) })
    s.takeOver(2)
    await s.look()
    expect(s.state().session).toMatchObject({ status: 'reconnecting', error: code })
  })

  it('says nothing of closes while a link restarts: its attempt does (R20)', async () => {
    const s = stage({ isObliging: false })
    await s.request()
    s.whatsApp.last().link('79001234567')
    await s.clock.settle()
    s.whatsApp.last().drop('restart')
    await s.clock.settle()
    const before = s.companies.writes.length
    s.whatsApp.last().drop('unavailable')
    await s.clock.settle()
    expect(s.companies.writes).toHaveLength(before)
  })
})
