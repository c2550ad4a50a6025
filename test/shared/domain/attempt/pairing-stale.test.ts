import { describe, expect, test } from 'vitest'
import { acceptAttempt, restartPairing } from '#shared/domain/attempt/acceptance.ts'
import { commitLink, prepareLink } from '#shared/domain/attempt/link.ts'
import { failAttempt, issueCode, phoneAnswered } from '#shared/domain/attempt/pairing.ts'
import type { AttemptRef, CompanyState, Decision } from '#shared/domain/company/company.ts'
import { adoptCompany } from '#shared/domain/session/adoption.ts'
import {
  aLink,
  code,
  connecting,
  host,
  linked,
  predecessor,
  refOf,
  seconds,
  stageNames,
  stages,
  successor,
} from '../build.ts'

/** All transitions that hosts make about an attempt. */
const steps: Readonly<Record<string, (state: CompanyState, ref: AttemptRef) => Decision<string>>> = {
  acceptAttempt: (state, ref) => acceptAttempt(state, ref, 'replace', seconds(2)),
  restartPairing: (state, ref) => restartPairing(state, ref),
  issueCode: (state, ref) => issueCode(state, ref, code, seconds(2)),
  phoneAnswered: (state, ref) => phoneAnswered(state, ref, seconds(2)),
  prepareLink: (state, ref) => prepareLink(state, ref, aLink({ generation: 'generation-2' }), seconds(2)),
  commitLink: (state, ref) => commitLink(state, ref, aLink(), seconds(2)),
  failAttempt: (state, ref) => failAttempt(state, ref, { code: 'WHATSAPP_UNAVAILABLE' }, seconds(2)),
}
const take = (step: string, state: CompanyState, ref: AttemptRef) => steps[step]?.(state, ref)

describe('a stale step changes nothing', () => {
  const late: Readonly<Record<string, (state: CompanyState) => AttemptRef>> = {
    'another attempt': (state) => refOf(state, { attemptId: 'attempt-0' }),
    'a lower fence': (state) => refOf(state, { fence: refOf(state).fence - 1 }),
    'a lower epoch': (state) => refOf(state, { owner: predecessor }),
    'an epoch that has been overtaken': (state) => refOf(adoptCompany(state, successor, seconds(2)).state),
  }
  const cases = Object.keys(steps).flatMap((step) => Object.keys(late).map((reason) => [step, reason] as const))

  test.each(cases)('%s of %s', (step, reason) => {
    for (const stage of stageNames) {
      const before = stages[stage]()
      const isOvertaken = reason.startsWith('an epoch')
      if (isOvertaken && stage !== 'requested' && stage !== 'restarting') continue
      const state = isOvertaken ? adoptCompany(before, successor, seconds(2)).state : before
      if (reason === 'a lower epoch' && stage === 'requested') continue
      expect(take(step, state, late[reason]!(before))).toEqual({ state, notices: [], outcome: 'stale' })
    }
  })

  test.each(Object.keys(steps))('%s when no attempt runs', (step) => {
    const state = linked()
    const ref = { attemptId: 'attempt-1', fence: 1, owner: host }
    expect(take(step, state, ref)).toEqual({ state, notices: [], outcome: 'stale' })
  })

  test('an attempt that was accepted by another host is not this one’s', () => {
    const state = connecting()
    expect(issueCode(state, refOf(state, { owner: successor }), code, seconds(2)).outcome).toBe('stale')
  })
})

describe('each step comes only after the one before', () => {
  const allowed: Readonly<Record<string, readonly string[]>> = {
    issueCode: ['connecting'],
    phoneAnswered: ['code-issued', 'phone-confirmed', 'expired'],
    prepareLink: ['connecting', 'code-issued', 'phone-confirmed', 'expired'],
    commitLink: ['storing'],
    failAttempt: ['connecting', 'code-issued', 'phone-confirmed', 'expired', 'storing', 'restarting'],
  }

  test.each(Object.entries(allowed))('%s from %j', (step, states) => {
    const done = stageNames.filter((stage) => take(step, stages[stage](), refOf(stages[stage]()))?.outcome !== 'stale')
    expect(done).toEqual(states)
  })

  test('no code is shown while a session is awaited', () => {
    const state = connecting(linked())
    expect(issueCode(state, refOf(state), code, seconds(2)).outcome).toBe('stale')
  })
})
