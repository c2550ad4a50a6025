import { Curve } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { currentSocket } from '../../../../socket-host/whatsapp/current-socket.ts'
import {
  dropPairs,
  generateKeyPair,
  givePairs,
  installFastKeys,
  makePairs,
} from '../../../../socket-host/whatsapp/patches/fast-keys.ts'
import { turnsDuring } from '../../../support/turns.ts'

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

test('the 812 of a new link are made in slices, between which other work goes on', async () => {
  let made = 0
  const make = async () => {
    made = (await makePairs()).length
  }
  expect(await turnsDuring(make)).toBeGreaterThanOrEqual(8)
  expect(made).toBe(812)
})

test('pairs that were made ahead go to their socket, each once, and to no other', async () => {
  installFastKeys()
  const pairs = await makePairs(3)
  givePairs(1, pairs)
  const takeFor = (socket: number | undefined) => currentSocket.run(socket, () => Curve.generateKeyPair())
  const isAhead = (pair: ReturnType<typeof generateKeyPair>) => pairs.includes(pair)
  expect([isAhead(takeFor(2)), isAhead(takeFor(undefined))]).toEqual([false, false])
  const taken = [takeFor(1), takeFor(1)]
  expect([taken.every(isAhead), new Set(taken).size]).toEqual([true, 2])
  dropPairs(1)
  expect(isAhead(takeFor(1))).toBe(false)
})
