import { describe, expect, test } from 'vitest'
import { type ErrorCode, errorCodes, errorSpec } from '#shared/domain/values/errors.ts'

/** The closed list of error codes (requirements, "Error codes"), with what clients and operators rely on. */
const table: readonly [ErrorCode, number, 'info' | 'warn' | 'error', boolean, string?][] = [
  ['INVALID_PHONE_FORMAT', 400, 'info', false, 'check-number'],
  ['INVALID_COUNTRY_CODE', 400, 'info', false, 'check-number'],
  ['INVALID_PHONE', 422, 'info', false, 'check-number'],
  ['CREDENTIALS_CONFLICT', 409, 'info', true, 'check-number'],
  ['RATE_LIMITED', 429, 'info', true, 'wait'],
  ['BUSY', 503, 'warn', true, 'wait'],
  ['PAIRING_TIMEOUT', 504, 'info', true, 'retry'],
  ['CODE_EXPIRED', 410, 'info', true, 'retry'],
  ['PAIRING_CANCELLED', 409, 'info', true, 'retry'],
  ['PAIRING_SUPERSEDED', 409, 'info', true, 'retry'],
  ['PASSKEY_REQUIRED', 409, 'info', false, 'contact-support'],
  ['LOGGED_OUT', 409, 'info', true, 'retry'],
  ['ACCOUNT_RESTRICTED', 409, 'warn', false, 'contact-support'],
  ['CLIENT_OUTDATED', 503, 'error', false, 'contact-support'],
  ['CLIENT_REJECTED', 503, 'error', false, 'contact-support'],
  ['SESSION_REPLACED', 409, 'warn', true, 'contact-support'],
  ['WHATSAPP_UNAVAILABLE', 503, 'warn', true, 'retry'],
  ['HOST_UNAVAILABLE', 503, 'warn', true, 'retry'],
  ['STORE_UNAVAILABLE', 503, 'error', true, 'retry'],
  ['UNAUTHORIZED', 401, 'info', false],
  ['FORBIDDEN', 403, 'info', false],
  ['BAD_REQUEST', 400, 'info', false],
  ['NOT_FOUND', 404, 'info', false],
  ['INTERNAL', 500, 'error', true, 'contact-support'],
]

test('the list of codes is closed', () => {
  expect([...errorCodes].sort()).toEqual(table.map(([code]) => code).sort())
})

test.each(table)(
  '%s is a %i, logged as %s, retryable: %s, the owner can %s',
  (code, httpStatus, level, retryable, action) => {
    expect(errorSpec(code)).toMatchObject({ httpStatus, level, retryable, ...(action && { action }) })
    expect('action' in errorSpec(code)).toBe(action !== undefined)
  },
)

describe('sentences', () => {
  test.each(errorCodes)('%s has one in each language', (code) => {
    const { ru, en } = errorSpec(code)
    expect(ru).toMatch(/^[А-ЯЁA-Z].*[а-яё]/)
    expect(en).toMatch(/^[A-Z]/)
    expect(en).not.toMatch(/[а-яё]/i)
    for (const sentence of [ru, en]) expect(sentence).not.toMatch(/[.:\s]$/)
  })

  test.each<[ErrorCode, string]>([
    ['INVALID_PHONE', 'Номер не зарегистрирован в WhatsApp'],
    ['CREDENTIALS_CONFLICT', 'Обнаружен конфликт учетных данных'],
    ['RATE_LIMITED', 'Слишком много попыток, подождите'],
  ])('%s says exactly what was asked for', (code, sentence) => {
    expect(errorSpec(code).ru).toBe(sentence)
  })

  test('the sentence about a refused phone says that extensions do not work', () => {
    expect(errorSpec('INVALID_PHONE_FORMAT').ru).toContain('без добавочного')
    expect(errorSpec('INVALID_PHONE_FORMAT').en).toContain('direct WhatsApp numbers only')
  })
})
