import { describe, expect, test } from 'vitest'
import { phoneClass } from '#shared/domain/values/phone.ts'
import { normalizePhone } from '#shared/domain/values/phone-input.ts'

const normalized = (typed: string, region = 'RU') => {
  const result = normalizePhone(typed, region)
  return result.ok ? result.value : `${result.error.code} ${result.error.reason}`
}

describe('a typed phone and the digits that are sent to WhatsApp', () => {
  test.each([
    // Russia, the default region
    ['89001234567', '79001234567'],
    ['9001234567', '79001234567'],
    ['79001234567', '79001234567'],
    ['+79001234567', '79001234567'],
    ['+7 900 123-45-67', '79001234567'],
    ['+7 (900) 123 45 67', '79001234567'],
    ['8 (900) 123-45-67', '79001234567'],
    ['(+7) 900.123.45.67', '79001234567'],
    ['  +7 900 123 45 67\n', '79001234567'],
    ['+7\u00a0900\u00a0123\u201145\u201167', '79001234567'],
    ['\u202a+79001234567\u202c', '79001234567'],
    // Kazakhstan shares +7, and dials 8 as Russia does
    ['+77011234567', '77011234567'],
    ['77011234567', '77011234567'],
    ['87011234567', '77011234567'],
    ['7011234567', '77011234567'],
    // Brazil: mobiles with the ninth digit and without it, and landlines, each as typed
    ['5511987654321', '5511987654321'],
    ['+55 11 98765-4321', '5511987654321'],
    ['551187654321', '551187654321'],
    ['+55 11 8765-4321', '551187654321'],
    ['551133224455', '551133224455'],
    // Mexico: WhatsApp knows no 1 after the calling code
    ['+52 55 1234 5678', '525512345678'],
    ['525512345678', '525512345678'],
    ['5215512345678', '525512345678'],
    ['+52 1 55 1234 5678', '525512345678'],
    // Argentina: as typed
    ['+54 9 11 2345-6789', '5491123456789'],
    ['5491123456789', '5491123456789'],
    ['541123456789', '541123456789'],
    ['+54 11 15 2345-6789', '5491123456789'],
    // Others, with and without +
    ['12025550123', '12025550123'],
    ['+1 (202) 555-0123', '12025550123'],
    ['442071838750', '442071838750'],
    ['+44 (0)20 7183 8750', '442071838750'],
    ['375291234567', '375291234567'],
    ['998901234567', '998901234567'],
    ['+39 06 1234 5678', '390612345678'],
  ])('%j is %s', (typed, sent) => {
    expect(normalized(typed)).toBe(sent)
  })

  test.each([
    ['2025550123', 'US', '12025550123'],
    ['11987654321', 'BR', '5511987654321'],
    ['5512345678', 'MX', '525512345678'],
    ['1123456789', 'AR', '541123456789'],
    ['87011234567', 'KZ', '77011234567'],
    ['+79001234567', 'US', '79001234567'],
    ['79001234567', 'US', '79001234567'],
  ])('%j typed in %s is %s', (typed, region, sent) => {
    expect(normalized(typed, region)).toBe(sent)
  })
})

describe('a refused phone', () => {
  test.each([
    ['', 'INVALID_PHONE_FORMAT empty'],
    [' \t\n', 'INVALID_PHONE_FORMAT empty'],
    ['abc', 'INVALID_PHONE_FORMAT characters'],
    ['+', 'INVALID_PHONE_FORMAT characters'],
    ['+7 900 ABC 45 67', 'INVALID_PHONE_FORMAT characters'],
    ['++79001234567', 'INVALID_PHONE_FORMAT characters'],
    ['+7+9001234567', 'INVALID_PHONE_FORMAT characters'],
    ['79001234567@s.whatsapp.net', 'INVALID_PHONE_FORMAT characters'],
    ['tel:+79001234567', 'INVALID_PHONE_FORMAT characters'],
    ['112', 'INVALID_PHONE_FORMAT length'],
    ['12345', 'INVALID_PHONE_FORMAT length'],
    ['1'.repeat(256), 'INVALID_PHONE_FORMAT length'],
    ['1111111111', 'INVALID_PHONE_FORMAT impossible'],
    ['+1111111111', 'INVALID_PHONE_FORMAT impossible'],
    ['+7 000 000 00 00', 'INVALID_PHONE_FORMAT impossible'],
    ['+7900123456', 'INVALID_PHONE_FORMAT impossible'],
    ['+790012345678', 'INVALID_PHONE_FORMAT impossible'],
    ['+1-800-123-4567', 'INVALID_PHONE_FORMAT impossible'],
    ['+999123456789', 'INVALID_COUNTRY_CODE countryCode'],
    ['999123456789', 'INVALID_COUNTRY_CODE countryCode'],
    ['+2101234567', 'INVALID_COUNTRY_CODE countryCode'],
    ['+0123456789', 'INVALID_COUNTRY_CODE countryCode'],
    ['+89001234567', 'INVALID_COUNTRY_CODE countryCode'],
  ])('%j: %s', (typed, refusal) => {
    expect(normalized(typed)).toBe(refusal)
  })

  test.each([
    '+1-800-123-4567 ext. 890',
    '+1 800 123 4567 ext 890',
    '+1 800 123 4567 extension 890',
    '+12025550123 x890',
    '+12025550123;ext=890',
    '+12025550123,890',
    '+12025550123#890',
    '89001234567 доб. 12',
    '89001234567 доб 12',
    '89001234567 ДОБ.12',
  ])('%j has an extension', (typed) => {
    expect(normalized(typed)).toBe('INVALID_PHONE_FORMAT extension')
  })
})

test('how a phone was typed does not matter', () => {
  const typed = ['89001234567', '9001234567', '+7 900 123-45-67', '79001234567']
  expect(new Set(typed.map((text) => phoneClass(normalized(text))))).toEqual(new Set(['79001234567']))
})
