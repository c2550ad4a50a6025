import { describe, expect, test } from 'vitest'
import { requestPairing } from '#shared/domain/attempt/pairing.ts'
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import { statusMessage } from '#shared/protocol/server-messages.ts'
import {
  anotherPhone,
  aRequest,
  codeIssued,
  host,
  linked,
  phone,
  requested,
  seconds,
  stageNames,
  stages,
  unreadableLink,
} from '../domain/build.ts'

const now = seconds(20)
const lease = { epoch: host.epoch, ownerId: host.hostId, renewedAt: now }
const envelope = { companyId: '1001', at: now, seq: 1, requestId: 'r1', language: 'en' } as const
const statusOf = (state: CompanyState) => statusMessage(state, lease, 10_000, envelope)
const common = { event: 'status', companyId: '1001', at: '2026-01-01T00:00:20.000Z', seq: 1, requestId: 'r1' }

test('a company never seen has no session', () => {
  expect(statusOf(emptyCompany)).toEqual({ ...common, session: 'none' })
})

test('a session shows its phone masked (R5)', () => {
  expect(statusOf(linked())).toEqual({ ...common, session: 'connected', phoneNumber: '79001***567' })
  expect(statusOf(linked(unreadableLink))).toEqual({ ...common, session: 'connected' })
})

test('an attempt shows its own phone in clear, its code and the time left', () => {
  expect(statusOf(codeIssued())).toEqual({
    ...common,
    session: 'none',
    attempt: {
      attemptId: 'attempt-1',
      state: 'code-issued',
      phoneNumber: phone,
      code: 'ABCD-EFGH',
      expiresAt: '2026-01-01T00:00:55.000Z',
      expiresIn: 35,
    },
  })
})

test('a QR is shown as such', () => {
  expect(statusOf(codeIssued(emptyCompany, { method: 'qr' }))).toMatchObject({
    attempt: { qr: 'first', expiresIn: 45 },
  })
})

describe('while another phone pairs', () => {
  test('session and attempt are separate fields', () => {
    expect(statusOf(requested(linked(), { phone: anotherPhone }))).toEqual({
      ...common,
      session: 'connected',
      phoneNumber: '79001***567',
      attempt: {
        attemptId: 'attempt-1',
        state: 'requested',
        phoneNumber: anotherPhone,
        deadline: '2026-01-01T00:00:20.000Z',
        expiresAt: '2026-01-01T00:00:20.000Z',
        expiresIn: 0,
      },
    })
  })
})

test.each([
  ['requested', 20, 0],
  ['connecting', 20, 0],
  ['code-issued', 55, 35],
  ['phone-confirmed', 55, 35],
  ['expired', 55, 35],
  ['storing', 91, 71],
  ['restarting', 91, 71],
] as const)('an attempt that is %s says how long that may last', (stage, until, expiresIn) => {
  expect(statusOf(stages[stage]())['attempt']).toMatchObject({
    state: stage === 'storing' ? 'restarting' : stage,
    expiresAt: new Date(seconds(until)).toISOString(),
    expiresIn,
  })
})

test.each(stageNames)('an attempt that is %s shows a code only while it can be typed', (stage) => {
  const isShown = stage === 'code-issued' || stage === 'phone-confirmed'
  const shown = JSON.stringify(statusOf(stages[stage]()))
  expect(shown.includes('ABCD-EFGH')).toBe(isShown)
})

test('an attempt by QR that named no phone shows none', () => {
  const { phone: _, ...request } = aRequest({ method: 'qr' })
  const state = requestPairing(emptyCompany, request, seconds(0)).state
  expect(statusOf(state)['attempt']).not.toHaveProperty('phoneNumber')
})
