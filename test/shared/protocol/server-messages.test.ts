import { describe, expect, test } from 'vitest'
import type { CompanyEvent } from '#shared/domain/company/company.ts'
import { errorCodes, errorSpec } from '#shared/domain/values/errors.ts'
import {
  type Envelope,
  errorMessage,
  eventMessage,
  failureFields,
  pongMessage,
  sentence,
} from '#shared/protocol/server-messages.ts'

const at = Date.UTC(2026, 0, 1, 12, 0, 0)
const envelope: Envelope = { companyId: '1001', at, seq: 7, requestId: 'r1', language: 'ru' }
const common = { companyId: '1001', at: '2026-01-01T12:00:00.000Z', seq: 7, requestId: 'r1' }
const attemptId = 'attempt-1'
const phone = '79001234567'
const phoneNumber = phone

/** Each event with exactly its fields (requirements, "WebSocket API"). */
const table: readonly [string, CompanyEvent, Record<string, unknown>][] = [
  [
    'pairing-started',
    { event: 'pairing-started', attemptId, phone, deadline: at + 20_000 },
    { attemptId, phoneNumber, deadline: '2026-01-01T12:00:20.000Z' },
  ],
  [
    'pairing-started by QR',
    { event: 'pairing-started', attemptId, deadline: at + 20_000 },
    { attemptId, deadline: '2026-01-01T12:00:20.000Z' },
  ],
  [
    'pairing-code',
    { event: 'pairing-code', attemptId, code: 'ABCD-EFGH', phone, expiresAt: at + 50_000 },
    { attemptId, code: 'ABCD-EFGH', phoneNumber, expiresAt: '2026-01-01T12:00:50.000Z', expiresIn: 50 },
  ],
  [
    'qr',
    { event: 'qr', attemptId, qr: '2@abc', expiresAt: at + 20_000 },
    { attemptId, qr: '2@abc', expiresAt: '2026-01-01T12:00:20.000Z', expiresIn: 20 },
  ],
  [
    'pairing-progress',
    { event: 'pairing-progress', attemptId, state: 'phone-confirmed' },
    { attemptId, state: 'phone-confirmed' },
  ],
  ['pairing-cancelled', { event: 'pairing-cancelled', attemptId }, { attemptId }],
  ['pairing-cancelled when nothing ran', { event: 'pairing-cancelled' }, {}],
  [
    'whatsapp-connected of an attempt, its phone in clear',
    { event: 'whatsapp-connected', attemptId, phone },
    { attemptId, phoneNumber },
  ],
  [
    'whatsapp-connected of a reconnect, its phone masked (R5)',
    { event: 'whatsapp-connected', phone },
    { phoneNumber: '79001***567' },
  ],
  ['whatsapp-connected with an unknown phone', { event: 'whatsapp-connected' }, {}],
  [
    'whatsapp-disconnected',
    { event: 'whatsapp-disconnected', code: 'LOGGED_OUT', willReconnect: false },
    { code: 'LOGGED_OUT', message: errorSpec('LOGGED_OUT').ru, willReconnect: false },
  ],
  [
    'whatsapp-disconnected by a restriction with a known end',
    {
      ...{ event: 'whatsapp-disconnected', code: 'ACCOUNT_RESTRICTED', willReconnect: false },
      ...{ until: at + 3_600_000, action: 'wait' },
    },
    {
      code: 'ACCOUNT_RESTRICTED',
      message: expect.stringContaining('подключится сам, когда ограничение закончится'),
      willReconnect: false,
      action: 'wait',
      until: '2026-01-01T13:00:00.000Z',
    },
  ],
  [
    'whatsapp-disconnected for the second time within a day',
    { event: 'whatsapp-disconnected', code: 'LOGGED_OUT', willReconnect: false, action: 'wait' },
    {
      code: 'LOGGED_OUT',
      message: expect.stringContaining('если аккаунт ограничен, подождите'),
      willReconnect: false,
      action: 'wait',
    },
  ],
  [
    'pairing-code-error',
    { event: 'pairing-code-error', attemptId, failure: { code: 'INVALID_PHONE' } },
    {
      attemptId,
      code: 'INVALID_PHONE',
      message: 'Номер не зарегистрирован в WhatsApp',
      retryable: false,
      action: 'check-number',
    },
  ],
  [
    'pairing-code-error without an attempt, to be repeated later',
    { event: 'pairing-code-error', failure: { code: 'RATE_LIMITED', retryAfter: 600 } },
    {
      code: 'RATE_LIMITED',
      message: 'Слишком много попыток, подождите',
      retryable: true,
      retryAfter: 600,
      action: 'wait',
    },
  ],
  [
    'pairing-code-error that offers the QR (452)',
    { event: 'pairing-code-error', attemptId, failure: { code: 'CLIENT_REJECTED', action: 'use-qr' } },
    {
      attemptId,
      code: 'CLIENT_REJECTED',
      message: 'WhatsApp не выдаёт код для этого аккаунта. Отсканируйте QR-код',
      retryable: false,
      action: 'use-qr',
    },
  ],
  [
    'credentials-reset',
    { event: 'credentials-reset', unlinked: 'unconfirmed' },
    { success: true, unlinked: 'unconfirmed' },
  ],
]

test.each(table)('%s', (_, event, fields) => {
  expect(eventMessage(event, envelope)).toEqual({ event: event.event, ...common, ...fields })
})

test('an event that answers no request carries no request id', () => {
  const { requestId: _, ...unasked } = envelope
  expect(eventMessage({ event: 'pairing-cancelled' }, unasked)).not.toHaveProperty('requestId')
})

test('pong has nothing but its envelope', () => {
  expect(pongMessage(envelope)).toEqual({ event: 'pong', ...common })
})

test('frames survive JSON unchanged', () => {
  for (const [, event] of table) {
    const frame = eventMessage(event, envelope)
    expect(JSON.parse(JSON.stringify(frame))).toEqual(frame)
  }
})

describe('expiresIn', () => {
  test.each([
    [50_000, 50],
    [49_999, 50],
    [49_001, 50],
    [1, 1],
    [0, 0],
    [-5_000, 0],
  ])('%i ms before the code expires is %i seconds', (ms, expiresIn) => {
    const event: CompanyEvent = { event: 'pairing-code', attemptId, code: 'ABCD-EFGH', expiresAt: at + ms }
    expect(eventMessage(event, envelope)).toMatchObject({ expiresIn })
  })
})

describe('errors', () => {
  test('outside an attempt name the field at fault', () => {
    const failure = { code: 'BAD_REQUEST', detail: 'phoneNumber is missing' } as const
    expect(errorMessage(failure, { ...envelope, language: 'en' }, 'error', 'phoneNumber')).toEqual({
      event: 'error',
      ...common,
      code: 'BAD_REQUEST',
      message: 'Bad request: phoneNumber',
      reason: 'phoneNumber is missing',
      retryable: false,
      field: 'phoneNumber',
    })
    expect(failureFields(failure, 'ru')).toMatchObject({ message: errorSpec('BAD_REQUEST').ru, reason: failure.detail })
  })

  test('without a number have none', () => {
    const { seq, ...unnumbered } = envelope
    expect(seq).toBe(7)
    expect(errorMessage({ code: 'STORE_UNAVAILABLE' }, unnumbered)).not.toHaveProperty('seq')
  })

  test.each(['error', 'credentials-reset-error', 'pairing-code-error'] as const)('come as %s', (event) => {
    expect(errorMessage({ code: 'STORE_UNAVAILABLE' }, envelope, event)).toEqual({
      event,
      ...common,
      code: 'STORE_UNAVAILABLE',
      message: errorSpec('STORE_UNAVAILABLE').ru,
      retryable: true,
      action: 'retry',
    })
  })

  test.each(errorCodes)('%s has a sentence in the reader’s language', (code) => {
    expect(failureFields({ code }, 'ru')['message']).toBe(errorSpec(code).ru)
    expect(failureFields({ code }, 'en')['message']).toBe(errorSpec(code).en)
    const completed = code === 'BAD_REQUEST' ? '' : ': companyId'
    expect(sentence({ code, detail: 'companyId' }, 'en')).toBe(`${errorSpec(code).en}${completed}`)
  })
})
