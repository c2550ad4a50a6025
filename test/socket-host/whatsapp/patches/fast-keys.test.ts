import { Curve } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { generateKeyPair } from '../../../../socket-host/whatsapp/patches/fast-keys.ts'

test('its pairs agree and sign as Baileys expects', () => {
  const [a, b] = [generateKeyPair(), generateKeyPair()]
  expect([a.private.length, a.public.length]).toEqual([32, 32])
  expect(Curve.sharedKey(a.private, b.public)).toEqual(Curve.sharedKey(b.private, a.public))
  const signature = Curve.sign(a.private, Buffer.from('hello'))
  expect(Curve.verify(a.public, Buffer.from('hello'), signature)).toBe(true)
})

test('no two pairs are alike', () => {
  const keys = Array.from({ length: 50 }, () => Buffer.from(generateKeyPair().private).toString('hex'))
  expect(new Set(keys).size).toBe(50)
})
