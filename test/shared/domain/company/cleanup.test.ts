import { describe, expect, test } from 'vitest'
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import {
  nextSweepAt,
  retire,
  retireLink,
  sweepDelaysMs,
  swept,
  unlinkFinished,
  unlinkWithinMs,
} from '#shared/domain/company/cleanup.ts'
import { type CompanyState, emptyCompany, isEmpty, type Retired } from '#shared/domain/company/company.ts'
import { aLink, linked, phone, seconds, unreadableLink } from '../build.ts'

const at = seconds(100)
const onlyOf = (state: CompanyState): Retired => {
  const [retired, ...others] = state.cleanup
  if (!retired || others.length > 0) throw new Error('Expected one retired generation')
  return retired
}

describe('a retired generation', () => {
  test.each([
    ['reset', 'pending'],
    ['phone-change', 'pending'],
    ['stopped', 'pending'],
    ['corrupt', 'pending'],
    ['attempt-ended', 'pending'],
    ['logged-out', 'not-linked'],
  ] as const)('that left by %s: its device is %s, and only the unlinker keeps a key', (reason, unlink) => {
    const state = retire(linked(), reason, at)
    const retired = onlyOf(state)
    expect(retired).toMatchObject({ generation: 'generation-1', reason, retiredAt: at, unlink, sweeps: 0 })
    expect(retired.wrappedKey).toBe(unlink === 'pending' ? 'key-1' : undefined)
    expect(state).toMatchObject({ unlinked: unlink })
    expect(state).not.toHaveProperty('credentials')
    expect(state).not.toHaveProperty('session')
  })

  test('keeps phone and time of a link that was installed, until it is swept for good (R24)', () => {
    const state = retire(linked(), 'reset', at)
    expect(onlyOf(state)).toMatchObject({ phone, linkedAt: seconds(32) })
    expect(onlyOf(unlinkFinished(state, 'generation-1', 'confirmed').state)).toMatchObject({ phone })
    expect(onlyOf(retire(linked(unreadableLink), 'reset', at))).not.toHaveProperty('linkedAt')
    expect(onlyOf(retireLink(emptyCompany, aLink(), 'attempt-ended', at))).not.toHaveProperty('phone')
  })

  test('is shredded after 60 s when its device could not be unlinked (R14)', () => {
    const before = retire(linked(), 'phone-change', at)
    expect(timeOut(before, at + unlinkWithinMs - 1).state).toBe(before)
    const { state, notices } = timeOut(before, at + unlinkWithinMs)
    expect(onlyOf(state)).toMatchObject({ unlink: 'unconfirmed' })
    expect(JSON.stringify(state)).not.toContain('key-1')
    expect(notices).toEqual([])
  })

  test('keeps the first outcome of its unlinking', () => {
    const done = unlinkFinished(retire(linked(), 'reset', at), 'generation-1', 'confirmed').state
    expect(unlinkFinished(done, 'generation-1', 'unconfirmed').state).toBe(done)
    expect(unlinkFinished(done, 'generation-9', 'confirmed').state).toBe(done)
  })

  test('sets the company’s result only if it is the latest one', () => {
    const first = retire(linked(), 'phone-change', at)
    const { generation, wrappedKey } = aLink({ generation: 'generation-2', wrappedKey: 'key-2' })
    const both = retire({ ...first, credentials: { generation, wrappedKey, linkedAt: at } }, 'reset', at)
    expect(unlinkFinished(both, 'generation-1', 'confirmed').state.unlinked).toBe('pending')
    expect(unlinkFinished(both, 'generation-2', 'confirmed').state.unlinked).toBe('confirmed')
  })
})

describe('sweeps', () => {
  const gone = unlinkFinished(retire(linked(), 'reset', at), 'generation-1', 'confirmed').state

  test('come at once, after an hour and after a day, counted from the retirement (R7)', () => {
    expect(sweepDelaysMs).toEqual([0, 3_600_000, 86_400_000])
    let state = gone
    for (const delay of sweepDelaysMs) {
      expect(nextSweepAt(onlyOf(state))).toBe(at + delay)
      state = swept(state, 'generation-1').state
    }
    expect(state.cleanup).toEqual([])
    expect(isEmpty(state)).toBe(true)
  })

  test('do not take the rows from the unlinker, nor wait longer than it may take', () => {
    const pending = retire(linked(), 'reset', at)
    expect(nextSweepAt(onlyOf(pending))).toBe(at + unlinkWithinMs)
    expect(nextSweepAt(onlyOf(timeOut(pending, at + unlinkWithinMs).state))).toBe(at)
  })

  test('of a generation that is not retired are nothing', () => {
    expect(swept(gone, 'generation-9').state).toBe(gone)
    const live = linked()
    expect(swept(live, 'generation-1').state).toBe(live)
  })
})
