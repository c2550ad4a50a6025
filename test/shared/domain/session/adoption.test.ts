/** An attempt without a code on screen begins again on the host that adopts its company (R28). */
import { describe, expect, test } from 'vitest'
import { acceptAttempt } from '#shared/domain/attempt/acceptance.ts'
import { unusedTicket } from '#shared/domain/attempt/code-need.ts'
import { cancelPairing, failAttempt, issueCode } from '#shared/domain/attempt/pairing.ts'
import type { Attempt } from '#shared/domain/company/attempt.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { adoptCompany } from '#shared/domain/session/adoption.ts'
import {
  anotherPhone,
  code,
  codeIssued,
  connecting,
  linked,
  refOf,
  requested,
  restarting,
  seconds,
  storing,
  successor,
} from '../build.ts'

const ticket = [{ key: 'phone', at: 1 }]
const adopt = (state: CompanyState, at: number) => adoptCompany(state, successor, seconds(at))
const attemptOf = ({ attempt }: CompanyState): Attempt => {
  if (!attempt) throw new Error('No attempt runs')
  return attempt
}

describe('an attempt whose host is gone before a code came', () => {
  const before = connecting(undefined, { ticket })
  const { state, notices } = adopt(before, 12)

  test('is a request again: same id, deadline and ticket, the fence raised by one, and its client notices nothing', () => {
    const { attemptId, deadline, fence, waiting } = attemptOf(before)
    expect(state.attempt).toEqual({
      ...attemptOf(requested(undefined, { ticket })),
      ...{ attemptId, deadline, waiting, ticket, acceptedAt: seconds(1) },
      fence: fence + 1,
    })
    expect(state).toMatchObject({ fence: fence + 1, epoch: successor.epoch })
    expect(state).not.toHaveProperty('lastAttempt')
    expect(notices).toEqual([])
  })

  test('gets its code from the successor, and none from its late predecessor', () => {
    const ref = refOf(state, { owner: successor })
    const accepted = acceptAttempt(state, ref, 'replace', seconds(13)).state
    expect(issueCode(accepted, ref, code, seconds(14)).state.attempt).toMatchObject({ state: 'code-issued' })
    expect(issueCode(accepted, refOf(before), code, seconds(14)).outcome).toBe('stale')
    expect(failAttempt(accepted, refOf(before), { code: 'INTERNAL' }, seconds(14)).outcome).toBe('stale')
  })

  test('keeps its code: the former host may have asked WhatsApp for it (R24)', () => {
    expect(unusedTicket(state, cancelPairing(state, [], seconds(13)).state)).toBeUndefined()
    expect(unusedTicket(before, cancelPairing(before, [], seconds(13)).state)).toBeUndefined()
    const fresh = requested(undefined, { ticket })
    expect(unusedTicket(fresh, cancelPairing(fresh, [], seconds(13)).state)).toEqual(ticket)
  })

  test('fails when less than 8 s are left for a code', () => {
    expect(adopt(before, 12.001).state.lastAttempt?.failure).toEqual({ code: 'HOST_UNAVAILABLE' })
  })
})

test('an attempt that waits for its phone’s session waits on the successor, for ten seconds from its acceptance (R9)', () => {
  const { state } = adopt(connecting(linked()), 10)
  const ref = refOf(state, { owner: successor })
  const { state: accepted, outcome } = acceptAttempt(state, ref, 'replace', seconds(11))
  expect(outcome).toBe('awaitSession')
  expect(accepted.attempt).toMatchObject({ awaitsSession: true, acceptedAt: seconds(11) })
})

test('an attempt for another phone decides anew what its code replaces (R8)', () => {
  const before = connecting(linked(), { phone: anotherPhone })
  expect(before.attempt).toMatchObject({ replaces: 'generation-1' })
  const { state } = adopt(before, 10)
  expect(state.attempt).not.toHaveProperty('replaces')
  expect(state.credentials?.generation).toBe('generation-1')
})

test.each([
  ['code-issued', codeIssued()],
  ['storing', storing()],
])('an attempt that is %s cannot begin again: its socket is gone', (_, before) => {
  expect(adopt(before, 3).state.lastAttempt?.failure).toEqual({ code: 'HOST_UNAVAILABLE' })
})

test('a link that restarts goes on, and does not begin again', () => {
  expect(adopt(restarting(), 3).state.attempt).toMatchObject({ state: 'restarting', owner: successor })
})
