/** A pass starts from STATE as the host has just seen it, unless somebody else may have changed it. */
import { expect, test } from 'vitest'
import { cancelPairing } from '#shared/domain/attempt/pairing.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { recentState } from '../../../socket-host/company/recent-state.ts'
import { companyId, companyRig, phoneA } from '../support/company-rig.ts'

/** A rig that counts the reads of STATE. */
function countingRig() {
  const s = companyRig()
  const { read } = s.companies
  let reads = 0
  Object.assign(s.companies, {
    read: (id: string) => {
      reads += 1
      return read(id)
    },
  })
  const since = () => {
    const count = reads
    reads = 0
    return count
  }
  return { ...s, reads: since }
}

test('a session that closes and opens again reads STATE once', async () => {
  const s = countingRig()
  await s.linked()
  await s.clock.advance(5_000)
  s.reads()
  s.whatsApp.last().drop('lost')
  await s.clock.settle()
  expect(s.state().session?.status).toBe('reconnecting')
  await s.clock.advance(2_000)
  expect(s.state().session?.status).toBe('connected')
  expect(s.reads()).toBe(1)
})

test('STATE that was seen five seconds ago is read again', async () => {
  const s = countingRig()
  await s.linked()
  s.reads()
  await s.clock.advance(4_000)
  s.whatsApp.last().drop('restart')
  await s.clock.settle()
  expect(s.reads()).toBe(0)
  await s.clock.advance(5_000)
  s.whatsApp.last().drop('lost')
  await s.clock.settle()
  expect(s.reads()).toBe(1)
})

test('a command makes the host read: what another process has decided is acted upon at once', async () => {
  const s = countingRig()
  await s.request()
  s.reads()
  await s.companies.decide(companyId, (state, now) => cancelPairing(state, [], now))
  await s.look()
  expect(s.reads()).toBe(1)
  expect(s.whatsApp.live()).toEqual([])
})

test('an event decides nothing that another process has ruled out meanwhile', async () => {
  const s = countingRig()
  await s.request()
  await s.companies.decide(companyId, (state, now) => cancelPairing(state, [], now))
  s.whatsApp.last().link('79001234567')
  await s.clock.settle()
  expect(s.state().attempt).toBeUndefined()
  expect(s.state().credentials).toBeUndefined()
  expect(s.whatsApp.live('registration')).toEqual([])
  expect([...s.whatsApp.stored.keys()]).toEqual([])
})

test('no place at the fuse is taken for a session that another process has ended meanwhile', async () => {
  const s = countingRig()
  let places = 0
  const { takePlace } = s.deps.fuse
  Object.assign(s.deps.fuse, {
    takePlace: (...args: Parameters<typeof takePlace>) => {
      places += 1
      return takePlace(...args)
    },
  })
  await s.linked()
  await s.companies.decide(companyId, (state, now) => resetCredentials(state, [], now))
  s.whatsApp.last().drop('removed')
  await s.clock.settle()
  expect([places, s.state().credentials]).toEqual([0, undefined])
})

test('no code is charged for an attempt that another process has cancelled meanwhile', async () => {
  const s = companyRig({ isObliging: false })
  await s.linkedByHand(phoneA)
  s.whatsApp.last().drop('lost')
  await s.request(phoneA)
  await s.companies.decide(companyId, (state, now) => cancelPairing(state, [], now))
  s.whatsApp.last().drop('restricted')
  await s.clock.settle()
  expect([s.taken, s.state().attempt]).toEqual([[], undefined])
})

test('a pass that time alone has begun reads STATE', async () => {
  const s = countingRig()
  await s.request()
  s.whatsApp.last().emit({ type: 'phoneAnswered' })
  await s.clock.settle()
  const { attempt } = s.state()
  if (attempt?.state !== 'phone-confirmed') throw new Error('The phone has not answered')
  await s.clock.advance(attempt.answerBy - s.clock.now() - 2_000)
  await s.look()
  s.reads()
  await s.clock.advance(2_000)
  expect([s.state().attempt?.state, s.reads()]).toEqual(['code-issued', 1])
})

test('after a step that failed, STATE is read again: nobody knows what was written', async () => {
  const s = countingRig()
  await s.request()
  const { decide } = s.companies
  Object.assign(s.companies, { decide: () => Promise.reject(new Error('The answer is lost')) })
  s.reads()
  s.whatsApp.last().emit({ type: 'phoneAnswered' })
  await s.clock.settle()
  expect(s.reads()).toBe(0)
  Object.assign(s.companies, { decide })
  s.whatsApp.last().emit({ type: 'phoneAnswered' })
  await s.clock.settle()
  expect(s.state().attempt?.state).toBe('phone-confirmed')
  expect(s.reads()).toBe(1)
})

test('a step that decided nothing does not make STATE recent', async () => {
  const s = countingRig()
  const seen = recentState({ companies: s.companies, time: s.clock }, companyId)
  const state = await seen.current()
  await s.clock.advance(4_000)
  await seen.after(async () => state)
  await seen.current()
  expect(s.reads()).toBe(1)
  await s.clock.advance(1_000)
  await seen.current()
  expect(s.reads()).toBe(1)
  await seen.after(async () => ({ ...state }))
  await s.clock.advance(4_000)
  await seen.current()
  expect(s.reads()).toBe(0)
})
