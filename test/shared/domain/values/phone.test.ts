import { describe, expect, test } from 'vitest'
import { maskPhone, phoneOfIdentity, samePhone } from '#shared/domain/values/phone.ts'

describe('phones of one WhatsApp account', () => {
  test.each([
    ['5511987654321', '551187654321', true],
    ['551133224455', '5511933224455', false],
    ['525512345678', '5215512345678', true],
    ['5491123456789', '541123456789', true],
    ['79001234567', '79001234567', true],
    ['79001234567', '79001234568', false],
    ['77011234567', '7011234567', false],
    ['12025550123', '2025550123', false],
    ['5511987654321', '5521987654321', false],
  ])('%s and %s: %s', (a, b, same) => {
    expect([samePhone(a, b), samePhone(b, a)]).toEqual([same, same])
  })
})

describe('phones of stored identities', () => {
  test.each([
    ['79001234567:12@s.whatsapp.net', '79001234567'],
    ['79001234567:0@s.whatsapp.net', '79001234567'],
    ['79001234567@s.whatsapp.net', '79001234567'],
    ['551187654321:99@s.whatsapp.net', '551187654321'],
  ])('%s is of %s', (jid, phone) => {
    expect(phoneOfIdentity(jid)).toBe(phone)
  })

  test.each([
    undefined,
    null,
    '',
    '79001234567',
    '@s.whatsapp.net',
    ':12@s.whatsapp.net',
    '79001234567:@s.whatsapp.net',
    '79001234567:x@s.whatsapp.net',
    '79001234567:12@lid',
    '12345678901234@lid',
    '79001234567@g.us',
    '79001234567-1500000000@g.us',
    'status@broadcast',
    '0900123456@s.whatsapp.net',
    '79001234567890123@s.whatsapp.net',
    ' 79001234567@s.whatsapp.net',
    '79001234567@s.whatsapp.net\n',
    '79001234567@s.whatsapp.net.evil',
    '7900 1234567@s.whatsapp.net',
    '{"id":"79001234567"}',
  ])('%j has no phone', (jid) => {
    expect(phoneOfIdentity(jid)).toBeUndefined()
  })
})

test.each([
  ['79001234567', '79001***567'],
  ['5511987654321', '55119***321'],
  ['4930123456', '4930***456'],
  ['12345678', '12***8'],
  ['1234567', '12***7'],
])('%s is logged as %s', (phone, masked) => {
  expect(maskPhone(phone)).toBe(masked)
})
