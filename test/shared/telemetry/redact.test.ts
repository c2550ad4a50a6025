import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redact, redactValue } from '#shared/telemetry/redact.ts'

describe('phones are masked, however they are written', () => {
  test.each([
    ['79001234567', '79001***567'],
    ['+79001234567', '79001***567'],
    ['asked for 79001234567.', 'asked for 79001***567.'],
    ['+7 900 123-45-67', '79001***567'],
    ['+1 (800) 123-4567', '18001***567'],
    ['8 (900) 123-45-67', '89001***567'],
    ['900-123-45-67', '9001***567'],
    ['79001234567:12@s.whatsapp.net', '79001***567:12@s.whatsapp.net'],
    ['phone=79001234567&x', 'phone=79001***567&x'],
    ['x79001234567_y', 'x79001***567_y'],
    ['[79001234567,5511987654321]', '[79001***567,55119***321]'],
    ['35312345', '35***5'],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })
})

describe('what gives access does not come out', () => {
  // Constants: one random key in 1,500 has no digit in its base64, and would not be recognised.
  const key = createHash('sha256').update('a key').digest()
  test.each([
    ['a code', 'code ABCD-EFGH shown', 'code ****-**** shown'],
    ['a code without its hyphen', 'code 1A2B3C4D', 'code ****-****'],
    ['a code of letters only', 'ABCDEFGH', '****-****'],
    ['a token', 'bad eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_9', 'bad [redacted]'],
    ['a sub-protocol', 'pairplane.v1, jwt.eyJhbGciOi.eyJzdWIi.x', 'pairplane.v1, jwt.[redacted]'],
    ['a query', '/ws?token=anything&lang=ru', '/ws?token=[redacted]&lang=ru'],
    ['a header', 'Authorization: Bearer abc.def', 'Authorization: Bearer [redacted]'],
    ['a QR', 'qr 2@AbC/dEf+0123456789=,aGVsbG8=,d29ybGQ=', 'qr [redacted]'],
    ['base64', `key ${key.toString('base64')}`, 'key [redacted]'],
    ['hex', `key ${key.toString('hex')}`, 'key [redacted]'],
  ])('%s', (_name, text, expected) => {
    expect(redact(text)).toBe(expected)
  })
})

test.each([
  'PAIRING_TIMEOUT',
  'company 1001',
  '2026-11-22T02:33:18.123Z',
  '0f8fad5b-d9cb-469f-a165-708677289501',
  '12345678-1234-4234-8234-123456789012',
  '01JD8ZC0N6G6Y1ZQ2V5J2K3M4N',
  'C#1001#G#01JD8ZC0N6G6Y1ZQ2V5J2K3M4N',
  '/app/node_modules/@smithy/node-http-handler/dist-es/node-http-handler.js:12:34',
  '192.168.100.200',
])('%s stays readable', (text) => {
  expect(redact(text)).toBe(text)
})

describe('what is redacted stays as it is when redacted again', () => {
  test.each([
    ['a masked phone and letters make no code', '79001234567ABCD1'],
    ['nor do letters and a masked phone', 'ABC79161234567'],
    ['two masked phones in a row', '79001234567+79001234567'],
    ['the rest of a token behind its mask', 'Bearer eyJa.b)'],
    ['a cut text', '79001234567+'.repeat(5_000)],
  ])('%s', (_name, text) => {
    const once = redact(text)
    expect(redact(once)).toBe(once)
  })

  test('whatever stands side by side', () => {
    const secret = fc.constantFrom('79001234567', '35312345', 'ABCD-EFGH', '1A2B3C4D', '2@', 'eyJ', 'token=', 'Bearer ')
    const between = fc.constantFrom(...'+-(). ,:&"=_*@', 'a.b', '12', 'Zz9/', 'ABCD', '***', '[redacted]', '****-****')
    fc.assert(
      fc.property(fc.array(fc.oneof(secret, between), { maxLength: 12 }), (pieces) => {
        const once = redact(pieces.join(''))
        expect(redact(once)).toBe(once)
      }),
      { numRuns: 1_000 },
    )
  })
})

test('no phone and no code survives in any text', () => {
  const phone = fc.stringMatching(/^[1-9]\d{9,13}$/)
  const code = fc.stringMatching(/^[1-9A-HJ-NP-TV-Z]{4}-[1-9A-HJ-NP-TV-Z]{4}$/)
  const around = fc.stringMatching(/^[ a-z.,:;"'(){}=/&?]{0,5}$/)
  fc.assert(
    fc.property(around, phone, around, code, around, (a, number, b, shown, c) => {
      const text = redact(`${a}${number}${b} ${shown}${c === '' ? c : ` ${c}`}`)
      expect(text).not.toContain(number)
      expect(text).not.toContain(shown)
    }),
  )
})

test('long texts are cut', () => {
  expect(redact('ab '.repeat(100_000)).length).toBeLessThan(9_000)
})

describe('values', () => {
  test('every text in it is redacted, keys included, whatever holds it', () => {
    const value = { a: ['79001234567', { b: 'ABCD-EFGH' }], '79001234567': new Map([['x', new Set(['79001234567'])]]) }
    expect(redactValue(value)).toEqual({
      a: ['79001***567', { b: '****-****' }],
      '79001***567': [['x', ['79001***567']]],
    })
  })

  test('numbers, times and the like stay', () => {
    const value = { n: 1_795_315_998_123, yes: true, none: null, at: new Date(0), big: 5n, missing: undefined }
    expect(redactValue(value)).toEqual({
      n: 1_795_315_998_123,
      yes: true,
      none: null,
      at: '1970-01-01T00:00:00.000Z',
      big: '5',
      missing: undefined,
    })
  })

  test('bytes become their number', () => {
    expect(redactValue({ key: Buffer.from('secret') })).toEqual({ key: '[6 bytes]' })
  })

  test('an error shows name, message, stack, cause and its own fields', () => {
    const error = Object.assign(new TypeError('for 79001234567', { cause: new Error('ABCD-EFGH') }), { status: 410 })
    expect(redactValue({ error })).toMatchObject({
      error: { name: 'TypeError', message: 'for 79001***567', status: 410, cause: { message: '****-****' } },
    })
    expect(JSON.stringify(redactValue(error))).not.toContain('79001234567')
  })

  test('what lies in itself, or too deep, is left out', () => {
    const ring: Record<string, unknown> = { name: 'ring' }
    ring['self'] = ring
    expect(redactValue(ring)).toEqual({ name: 'ring', self: '[…]' })
    const deep = Array.from({ length: 50 }).reduce<unknown>((inner) => ({ inner }), 'bottom')
    expect(JSON.stringify(redactValue(deep))).not.toContain('bottom')
  })
})
