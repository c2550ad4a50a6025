/** Words of a newer build: those that decide leave a company alone, those that describe are passed on (R49a). */
import { describe, expect, test } from 'vitest'
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { sessionEnded } from '#shared/domain/session/session.ts'
import { problemResponse } from '../../functions/http/responses.ts'
import type { Running } from '../../socket-host/company/next-step.ts'
import { codeIssued, host, linked, seconds, sessionOf, successor } from '../shared/domain/build.ts'
import type { Transitions } from '../shared/domain/company/company-commands.ts'
import * as present from './build.ts'
import { foreignStates } from './foreign-states.ts'
import * as frozen from './frozen.mjs'
import { madeNewer, newerWord } from './newer.ts'
import { idle, useState } from './use-state.ts'

const builds: readonly (readonly [string, Transitions])[] = [
  ['the present build', present],
  ['the last release', frozen],
]
const now = seconds(10_000)
const open: Running = {
  ...idle,
  session: { generation: 'generation-1', phase: { is: 'open' }, lastCode: undefined } as Running['session'],
}
const thisHost = { owner: host, handOverAt: Number.POSITIVE_INFINITY, leavesAt: 0, mayTryStopped: true }
describe.each(builds)('%s', (_name, build) => {
  test.each(foreignStates)('leaves alone a company with %s', (_state, doc) => {
    const state = build.parseState(structuredClone(doc))
    expect(state.foreign).toBe(true)
    expect(state).toMatchObject({ fence: Reflect.get(doc, 'fence'), epoch: Reflect.get(doc, 'epoch') })
    for (const running of [idle, open])
      for (const owner of [host, successor]) {
        expect(build.nextStep(state, running, { ...thisHost, owner }, now)).toBeUndefined()
        expect(build.requeueAt(state, running, { owner })).toBeUndefined()
      }
    expect(() => useState(build, state, now)).not.toThrow()
  })

  test('still knows the stored credentials of a company whose session it does not understand', () => {
    const { credentials } = linked()
    const state = build.parseState({ ...linked(), session: { ...linked().session, status: 'dozing' } })
    expect(state).toMatchObject({ foreign: true, credentials })
  })

  const refused = (how: 'refused' | 'stopped') =>
    sessionEnded(linked(), sessionOf(linked()), { code: 'LOGGED_OUT', how }, seconds(40)).state
  const states: readonly (readonly [string, CompanyState])[] = [
    ['an unknown error of a session that is stopped', refused('stopped')],
    ['an unknown error of a session that was refused', refused('refused')],
    ['an unknown reason of a retirement', resetCredentials(linked(), [], seconds(40)).state],
    ['an unknown outcome and an unknown failure', resetCredentials(codeIssued(), [], seconds(40)).state],
    [
      'an unknown action of a failure',
      { ...emptyCompany, lastAttempt: { attemptId: 'a', state: 'failed', failure: failure(), at: seconds(1) } },
    ],
  ]

  test.each(states)('passes on %s', (_name, described) => {
    const doc = madeNewer(described, true)
    expect(JSON.stringify(doc)).toContain(newerWord)
    const state = build.parseState(structuredClone(doc))
    expect(state).toEqual(doc)
    expect(() => useState(build, state, now)).not.toThrow()
    expect(build.parseState(build.adoptCompany(state, successor, now).state)).not.toHaveProperty('foreign')
  })

  test('keeps, and does not open, a session that is stopped for a reason that it does not know', () => {
    const state = build.parseState(madeNewer(refused('stopped'), true))
    expect(state).not.toHaveProperty('foreign')
    expect(build.nextStep(state, idle, thisHost, now)).toBeUndefined()
    expect(build.adoptCompany(state, successor, now).state.session).toEqual(state.session)
  })
})

function failure() {
  return { code: 'BUSY', retryAfter: 7, action: 'wait' } as const
}

test('an unknown error code is answered like INTERNAL, under its own name', () => {
  const answer = problemResponse({ code: newerWord as never, retryAfter: 7 }, 'en')
  expect(answer).toMatchObject({ statusCode: 500, headers: { 'retry-after': '7' } })
  expect(JSON.parse(answer.body)).toMatchObject({ code: newerWord, title: expect.stringContaining('Internal error') })
})
