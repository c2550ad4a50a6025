import { describe, expect, it } from 'vitest'
import { unlinkFinished } from '#shared/domain/company/cleanup.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { nextStep, type Running, requeueAt } from '../../../socket-host/company/next-step.ts'
import { connecting, host, linked, requested, seconds } from '../../shared/domain/build.ts'
import { companyRig } from '../support/company-rig.ts'

const nothing: Running = { registration: undefined, session: undefined, unlinks: new Map(), sweeps: new Map() }

describe('the next step', () => {
  it('drops an unlink that STATE settled before it returned (R13)', () => {
    const reset = resetCredentials(linked(), [], seconds(40)).state
    const { state } = unlinkFinished(reset, 'generation-1', 'unconfirmed')
    const running = { ...nothing, unlinks: new Map([['generation-1', { result: 'confirmed' as const }]]) }
    expect(
      nextStep(
        state,
        running,
        { owner: host, mayTryStopped: false, handOverAt: Number.POSITIVE_INFINITY, leavesAt: 0 },
        seconds(101),
      ),
    ).toEqual({
      do: 'reportUnlinked',
      generation: 'generation-1',
      result: 'confirmed',
    })
  })

  /** A request at 0 s with a deadline at 20 s, and a host that leaves. */
  it.each<[string, number, number, object | undefined]>([
    ['is accepted when its code can be on screen for 50 s, and ten of grace', 80, 80, { do: 'acceptAttempt' }],
    ['is left to a successor that can still serve it', 79, 10, undefined],
    [
      'is rejected when the shard leaves later, and its owner told when',
      79,
      11,
      { do: 'rejectAttempt', retryAfter: 10 },
    ],
  ])('a request %s', (_, handOverAt, leavesAt, step) => {
    const state = { ...requested(), epoch: host.epoch }
    const leaving = { owner: host, mayTryStopped: false, handOverAt: seconds(handOverAt), leavesAt: seconds(leavesAt) }
    const next = nextStep(state, nothing, leaving, seconds(1))
    expect(next && { ...next, attempt: undefined }).toEqual(step && { ...step, attempt: undefined })
  })

  it('accepts a request without adopting the company first, unless there is more to adopt', () => {
    const staying = { owner: host, mayTryStopped: false, handOverAt: Number.POSITIVE_INFINITY, leavesAt: 0 }
    const step = (state: CompanyState, running = nothing) => nextStep(state, running, staying, seconds(1))?.do
    const alone = { ...requested(), epoch: host.epoch - 1 }
    expect(step(alone)).toBe('acceptAttempt')
    const session = { since: 0, epoch: host.epoch - 1 }
    expect(step({ ...alone, session: { ...session, status: 'logged-out' } })).toBe('acceptAttempt')
    expect(step({ ...alone, session: { ...session, status: 'connected' } })).toBe('adopt')
    expect(step({ ...linked(), epoch: host.epoch - 1 })).toBe('adopt')
  })

  it('rejects an attempt whose session cannot be used when its code would be too short', () => {
    const state: CompanyState = {
      ...connecting(linked()),
      session: { status: 'logged-out', since: 0, epoch: host.epoch, error: 'LOGGED_OUT' },
      epoch: host.epoch,
    }
    const leaving = { owner: host, mayTryStopped: false, handOverAt: seconds(79), leavesAt: seconds(30) }
    const failure = { code: 'BUSY', retryAfter: 27 }
    expect(nextStep(state, nothing, leaving, seconds(3))).toMatchObject({ do: 'failAttempt', failure })
    const longer = { ...leaving, handOverAt: seconds(80) }
    expect(nextStep(state, nothing, longer, seconds(3))?.do).toBe('restartPairing')
  })

  it('is to accept a phone that is linked, however soon the host leaves: it needs no code', () => {
    const state = { ...requested(linked()), epoch: host.epoch }
    const leaving = { owner: host, mayTryStopped: false, handOverAt: seconds(2), leavesAt: seconds(2) }
    expect(nextStep(state, nothing, leaving, seconds(1))?.do).toBe('acceptAttempt')
  })
})

describe('a company is looked at again', () => {
  const retired = { ...resetCredentials(linked(), [], seconds(40)).state, epoch: host.epoch }

  it('when a clean-up is due', () => {
    expect(requeueAt(unlinkFinished(retired, 'generation-1', 'confirmed').state, nothing, { owner: host })).toBe(
      seconds(40),
    )
  })

  it.each([
    ['of a host that has written under a higher epoch', { epoch: host.epoch + 1 }],
    ['of a newer build', { foreign: true as const }],
  ])('never for what time makes due in the state %s: a pass could do nothing about it', (_, more) => {
    const due = unlinkFinished(retired, 'generation-1', 'confirmed').state
    expect(requeueAt({ ...due, ...more }, nothing, { owner: host })).toBeUndefined()
  })

  it('when a restricted session or a refused one may log in', () => {
    const session = { since: 0, epoch: host.epoch }
    const until = { ...linked(), session: { ...session, status: 'stopped', until: seconds(90) } as const }
    expect(requeueAt(until, nothing, { owner: host })).toBe(seconds(90))
    const refusals = { count: 1, firstAt: seconds(10) }
    const refused = { ...linked(), session: { ...session, status: 'logged-out', refusals } as const }
    expect(requeueAt(refused, nothing, { owner: host })).toBe(seconds(10) + 3_600_000)
  })
})

describe('a session that does not open', () => {
  /** A session whose host has been replaced; the new host does not get it open. */
  async function replaced() {
    const s = companyRig({ isObliging: false })
    await s.linkedByHand()
    s.companies.notices.length = 0
    await s.reconciler.handOver()
    return s
  }

  it('reports why, even when the first try of a new host fails', async () => {
    const s = await replaced()
    s.takeOver(2)
    await s.look()
    expect(s.state().session).toMatchObject({ status: 'reconnecting', error: 'HOST_UNAVAILABLE' })
    s.whatsApp.last().drop('rejected')
    await s.clock.settle()
    expect(s.state().session).toMatchObject({ status: 'reconnecting', error: 'CLIENT_REJECTED' })
    expect(s.eventNames()).toEqual(['whatsapp-disconnected'])
  })

  it('reports the latest reason, with one write per change', async () => {
    const s = companyRig({ isObliging: false })
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
  ])('reports that the service for its data keys %s', async (_, error, code) => {
    const s = await replaced()
    Object.assign(s.deps.dataKeys, { unwrap: () => Promise.reject(error) })
    s.takeOver(2)
    await s.look()
    expect(s.state().session).toMatchObject({ status: 'reconnecting', error: code })
  })

  it('does not report closes while a link restarts, because the attempt does (R20)', async () => {
    const s = companyRig({ isObliging: false })
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
