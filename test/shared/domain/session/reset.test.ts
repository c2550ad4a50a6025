import { describe, expect, test } from 'vitest'
import { nextDeadline, timeOut } from '#shared/domain/attempt/deadlines.ts'
import { commitLink, prepareLink } from '#shared/domain/attempt/link.ts'
import type { Waiting } from '#shared/domain/company/attempt.ts'
import { resetAnswerMs, settleCleanup, unlinkFinished, unlinkWithinMs } from '#shared/domain/company/cleanup.ts'
import { emptyCompany } from '#shared/domain/company/company.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { aLink, codeIssued, connecting, linked, refOf, said, seconds, stageNames, stages } from '../build.ts'

const owner: Waiting = { connectionId: 'browser', requestId: 'reset' }
const at = seconds(100)
const reset = (state = linked()) => resetCredentials(state, [owner], at)

describe('a reset', () => {
  test('retires credentials, session and key by one write, and waits for the unlinking', () => {
    const { state, outcome, notices } = reset()
    expect(outcome).toEqual({ kind: 'reset', retired: 'generation-1' })
    expect(state).not.toHaveProperty('credentials')
    expect(state).not.toHaveProperty('session')
    expect(state).toMatchObject({ unlinked: 'pending', fence: linked().fence + 1 })
    expect(state.cleanup).toMatchObject([
      { generation: 'generation-1', reason: 'reset', unlink: 'pending', wrappedKey: 'key-1', waiting: [owner] },
    ])
    expect(notices).toEqual([])
  })

  test('of nothing succeeds at once, changes nothing, and is told to nobody else (R67)', () => {
    const { state, outcome, notices } = resetCredentials(emptyCompany, [owner], at)
    expect(state).toBe(emptyCompany)
    expect(outcome).toEqual({ kind: 'unchanged' })
    expect(said(notices)).toEqual(['credentials-reset not-linked -> reset'])
    expect(resetCredentials(emptyCompany, [], at).notices).toEqual([])
  })

  test.each(stageNames)('ends an attempt that is %s, so that its late link is refused (R15)', (stage) => {
    const before = stages[stage]()
    const { state, notices } = reset(before)
    expect(state).not.toHaveProperty('attempt')
    expect(state).not.toHaveProperty('credentials')
    expect(state.fence).toBe(before.fence + 1)
    expect(said(notices)).toEqual([
      ...(stage === 'expired' ? [] : ['pairing-code-error PAIRING_CANCELLED -> r1,all']),
      ...(stage === 'storing' || stage === 'restarting' ? [] : ['credentials-reset not-linked -> reset,all']),
    ])
    expect(prepareLink(state, refOf(before), aLink(), at).outcome).toBe('stale')
    expect(commitLink(state, refOf(before), aLink(), at).outcome).toBe('stale')
  })

  test.each(['storing', 'restarting'] as const)('while %s waits for the removal of the fresh device (R11)', (stage) => {
    const { state, outcome } = reset(stages[stage]())
    expect(outcome).toMatchObject({ retired: 'generation-1' })
    expect(state.cleanup).toMatchObject([{ reason: 'attempt-ended', unlink: 'pending', waiting: [owner] }])
  })

  test('takes a stored link together with the attempt that awaited it', () => {
    const { state, notices } = reset(connecting(linked()))
    expect(state.cleanup).toMatchObject([{ generation: 'generation-1', reason: 'reset' }])
    expect(said(notices)).toEqual(['pairing-code-error PAIRING_CANCELLED -> r1,all'])
  })
})

describe('the answer to a reset', () => {
  test.each(['confirmed', 'unconfirmed', 'not-linked'] as const)('is %s when WhatsApp has said so', (result) => {
    const { state, notices } = unlinkFinished(reset().state, 'generation-1', result)
    expect(said(notices)).toEqual([`credentials-reset ${result} -> reset,all`])
    expect(state).toMatchObject({ unlinked: result, cleanup: [{ unlink: result }] })
    expect(state.cleanup[0]).not.toHaveProperty('wrappedKey')
    expect(state.cleanup[0]).not.toHaveProperty('waiting')
  })

  test('is unconfirmed within 5 seconds when WhatsApp is slow; the device goes on being removed', () => {
    const before = reset().state
    expect(resetAnswerMs).toBeLessThan(5_000)
    expect(nextDeadline(before)).toBe(at + resetAnswerMs)
    expect(timeOut(before, at + resetAnswerMs - 1).state).toBe(before)
    const { state, notices } = timeOut(before, at + resetAnswerMs)
    expect(said(notices)).toEqual(['credentials-reset unconfirmed -> reset,all'])
    expect(state.cleanup).toMatchObject([{ unlink: 'pending', wrappedKey: 'key-1' }])
    expect(nextDeadline(state)).toBe(at + unlinkWithinMs)
  })

  test('is given once, even if WhatsApp confirms later', () => {
    const answered = timeOut(reset().state, at + resetAnswerMs).state
    const { state, notices } = unlinkFinished(answered, 'generation-1', 'confirmed')
    expect(notices).toEqual([])
    expect(state.unlinked).toBe('confirmed')
  })

  test('to a reset over HTTP goes to the company', () => {
    const { state } = resetCredentials(linked(), [], at)
    expect(said(unlinkFinished(state, 'generation-1', 'confirmed').notices)).toEqual([
      'credentials-reset confirmed -> all',
    ])
  })

  test('comes at once when a minute has passed unnoticed, and the key is erased (R14)', () => {
    const { state, notices } = timeOut(reset().state, at + unlinkWithinMs)
    expect(said(notices)).toEqual(['credentials-reset unconfirmed -> reset,all'])
    expect(JSON.stringify(state)).not.toContain('key-1')
    expect(nextDeadline(state)).toBeUndefined()
  })
})

test('settling what is not due changes nothing', () => {
  const state = codeIssued()
  expect(settleCleanup(state, at)).toEqual({ state, notices: [], outcome: undefined })
})
