import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeJson, encodeJson } from '../../../../socket-host/whatsapp/credentials/buffer-json.ts'
import { rowCipher } from '../../../../socket-host/whatsapp/credentials/row-cipher.ts'

const dataKey = randomBytes(32)
const here = { companyId: 'c1', generation: 'G1' }
const cipher = rowCipher(dataKey, here)

test('a row opens where it was sealed, and shows nothing of its content', () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ minLength: 8 }), (key, plaintext) => {
      const sealed = cipher.seal(key, plaintext)
      expect(cipher.open(key, sealed)).toEqual(Buffer.from(plaintext))
      expect(sealed.includes(Buffer.from(plaintext))).toBe(false)
      expect(cipher.seal(key, plaintext)).not.toEqual(sealed)
    }),
  )
})

test('a row that was altered anywhere, or truncated, does not open', () => {
  const sealed = cipher.seal('creds', Buffer.from('secret'))
  for (let at = 0; at < sealed.length; at += 1) {
    const altered = Buffer.from(sealed)
    altered[at] = (altered[at] ?? 0) ^ 1
    expect(cipher.open('creds', altered)).toBeUndefined()
    expect(cipher.open('creds', sealed.subarray(0, at))).toBeUndefined()
  }
})

test.each([
  ['under another row key', cipher, 'pre-key#0'],
  ['of another company', rowCipher(dataKey, { ...here, companyId: 'c2' }), 'creds'],
  ['of another generation', rowCipher(dataKey, { ...here, generation: 'G2' }), 'creds'],
  ['with another data key', rowCipher(randomBytes(32), here), 'creds'],
])('a row does not open %s', (_where, other, key) => {
  expect(other.open(key, cipher.seal('creds', Buffer.from('secret')))).toBeUndefined()
})

test('row keys show no phone, and differ by type, id and data key', () => {
  const name = cipher.nameOf('session', '79001234567.0')
  expect(name).toMatch(/^session#[\w-]{43}$/)
  expect(name).toBe(rowCipher(dataKey, { companyId: 'c2', generation: 'G2' }).nameOf('session', '79001234567.0'))
  expect(cipher.nameOf('identity-key', '79001234567.0')).not.toContain(name.slice(8))
  expect(rowCipher(randomBytes(32), here).nameOf('session', '79001234567.0')).not.toBe(name)
})

test('JSON brings bytes back as Buffers wherever they stand', () => {
  const value = { key: new Uint8Array([1, 2]), nested: [{ deep: Buffer.from('x') }], '0': 1, '1': 2, nothing: null }
  const back = decodeJson(encodeJson(value))
  expect(back).toEqual({ key: Buffer.of(1, 2), nested: [{ deep: Buffer.from('x') }], '0': 1, '1': 2, nothing: null })
})

test('text that is not JSON is undefined', () => {
  expect(decodeJson(Buffer.from('{"a":'))).toBeUndefined()
})
