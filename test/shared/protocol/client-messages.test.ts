import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxMessageLength, parseClientMessage } from '#shared/protocol/client-messages.ts'

const parse = (message: unknown) => parseClientMessage(JSON.stringify(message))
const padded = (bytes: number) => {
  const frame = (pad: string) => JSON.stringify({ action: 'ping', pad })
  return frame('x'.repeat(bytes - frame('').length))
}

describe('messages that are understood', () => {
  test.each([
    [{ action: 'request-pairing-code', phoneNumber: '+7 900 123-45-67', requestId: 'r1' }],
    [{ action: 'request-pairing-code', phoneNumber: '' }],
    [{ action: 'request-qr' }],
    [{ action: 'request-qr', phoneNumber: '79001234567', requestId: 'r1' }],
    [{ action: 'cancel-pairing', requestId: 'r1' }],
    [{ action: 'reset-whatsapp-credentials', requestId: 'r1' }],
    [{ action: 'get-status' }],
    [{ action: 'ping' }],
  ])('%j', (message) => {
    expect(parse(message)).toEqual({ ok: true, value: message })
  })

  test('unknown fields are left out: no message can name a company (R31)', () => {
    const message = { action: 'get-status', companyId: 'another', role: 'admin', __proto__: { companyId: 'another' } }
    expect(parse(message)).toEqual({ ok: true, value: { action: 'get-status' } })
  })

  test('fields of the greatest length', () => {
    const message = { action: 'request-pairing-code', phoneNumber: 'x'.repeat(256), requestId: 'x'.repeat(128) }
    expect(parse(message)).toEqual({ ok: true, value: message })
  })

  test(`a message of ${maxMessageLength} bytes`, () => {
    expect(parseClientMessage(padded(maxMessageLength)).ok).toBe(true)
  })
})

describe('messages that are refused, and the field at fault', () => {
  test.each<[string | undefined, string]>([
    [undefined, 'message'],
    ['', 'message'],
    ['ping', 'message'],
    ['{"action":"ping"', 'message'],
    ['{"action":"ping"}{}', 'message'],
    ["{'action':'ping'}", 'message'],
    ['null', 'message'],
    ['7', 'message'],
    ['"ping"', 'message'],
    ['true', 'message'],
    ['\u0000', 'message'],
    ['[]', 'action'],
    ['[{"action":"ping"}]', 'action'],
    ['{}', 'action'],
    ['{"Action":"ping"}', 'action'],
    ['{"action":null}', 'action'],
    ['{"action":["ping"]}', 'action'],
    ['{"action":"PING"}', 'action'],
    ['{"action":"constructor"}', 'action'],
    ['{"action":"delete-everything"}', 'action'],
    ['{"action":"request-pairing-code"}', 'phoneNumber'],
    ['{"action":"request-pairing-code","phoneNumber":null}', 'phoneNumber'],
    ['{"action":"request-pairing-code","phoneNumber":79001234567}', 'phoneNumber'],
    ['{"action":"request-pairing-code","phoneNumber":["79001234567"]}', 'phoneNumber'],
    ['{"action":"request-pairing-code","phone":"79001234567"}', 'phoneNumber'],
    ['{"action":"request-qr","phoneNumber":79001234567}', 'phoneNumber'],
    ['{"action":"request-qr","phoneNumber":null}', 'phoneNumber'],
    ['{"action":"ping","requestId":7}', 'requestId'],
    ['{"action":"ping","requestId":null}', 'requestId'],
    ['{"action":"ping","requestId":""}', 'requestId'],
  ])('%j: %s', (text, field) => {
    const result = parseClientMessage(text)
    expect(result.ok || result.error).toMatchObject({ field, detail: expect.stringContaining(field) })
  })

  test.each([
    ['a phone', JSON.stringify({ action: 'request-pairing-code', phoneNumber: '7'.repeat(257) }), 'phoneNumber'],
    ['a request id', JSON.stringify({ action: 'ping', requestId: 'x'.repeat(129) }), 'requestId'],
    ['a message', padded(maxMessageLength + 1), 'message'],
    ['a message in bytes', `{"action":"ping","pad":"${'ж'.repeat(maxMessageLength / 2)}"}`, 'message'],
  ])('%s that is too long', (_, text, field) => {
    expect(parseClientMessage(text)).toMatchObject({ ok: false, error: { field } })
  })

  test.each([
    [{ action: 'request-pairing-code', requestId: 'r1' }, 'phoneNumber is missing'],
    [{ action: 'request-pairing-code', phoneNumber: 7, requestId: 'r1' }, 'phoneNumber must be a string'],
  ])('%j: %s', (message, detail) => {
    expect(parse(message)).toMatchObject({ ok: false, error: { detail, requestId: 'r1' } })
  })

  test('the error about an unknown action lists all actions', () => {
    const result = parse({ action: 'unknown', requestId: 'r1' })
    expect(result).toMatchObject({ ok: false, error: { field: 'action', requestId: 'r1' } })
    expect(!result.ok && result.error.detail).toMatch(
      /request-pairing-code.*request-qr.*cancel-pairing.*get-status.*ping/,
    )
  })

  test('an unusable request id is not repeated', () => {
    expect(parse({ action: 'unknown', requestId: 7 })).not.toHaveProperty('error.requestId')
  })
})

describe('whatever is sent', () => {
  const isJudged = (text: string) => {
    const result = parseClientMessage(text)
    if (result.ok) {
      expect(result.value.action).toMatch(/^[a-z-]+$/)
      return
    }
    expect(['message', 'action', 'phoneNumber', 'requestId']).toContain(result.error.field)
    expect(result.error.detail).toContain(result.error.field)
    expect(result.error.detail.length).toBeLessThan(300)
  }

  test('text is understood, or refused with the field at fault', () => {
    const codeUnit = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit))
    fc.assert(fc.property(fc.string({ unit: codeUnit, maxLength: 300 }), isJudged))
  })

  test('so is JSON', () => {
    fc.assert(fc.property(fc.json(), isJudged))
  })

  test('so is what looks like a message', () => {
    const value = fc.oneof(fc.string(), fc.jsonValue())
    const action = fc.oneof(value, fc.constantFrom('request-pairing-code', 'request-qr', 'ping', '__proto__'))
    const message = fc.record({ action, phoneNumber: value, requestId: value, extra: value }, { requiredKeys: [] })
    fc.assert(fc.property(message, (sent) => isJudged(JSON.stringify(sent))))
  })
})
