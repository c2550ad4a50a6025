import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Curve, derivePairingCodeKey } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { unwrapKey, wrapKey } from '../../simulator/crypto/link-code.ts'
import { generateKeyPair, publicKeyOf, sharedSecret } from '../../simulator/crypto/x25519.ts'
import { generateSigningKey, isSignedBy, signingKeyFrom, signWith } from '../../simulator/crypto/xeddsa.ts'
import { frameOf, readFrames, waHeader } from '../../simulator/wire/frames.ts'
import { libsignal } from './companion.ts'

const keyType = Buffer.from([5])

describe('XEdDSA', () => {
  test('libsignal accepts our signatures, and no altered ones', () => {
    for (let i = 0; i < 8; i++) {
      const key = generateSigningKey()
      const message = randomBytes(i * 13 + 1)
      const signature = signWith(key, message)
      const publicKey = Buffer.concat([keyType, key.public])
      expect(libsignal.curve.verifySignature(publicKey, message, signature)).toBe(true)
      signature.writeUInt8(signature.readUInt8(3) ^ 1, 3)
      expect(libsignal.curve.verifySignature(publicKey, message, signature)).toBe(false)
    }
  })

  test('we accept the signatures of libsignal, and no altered ones', () => {
    for (let i = 0; i < 8; i++) {
      const { pubKey, privKey } = libsignal.curve.generateKeyPair()
      const message = randomBytes(40)
      const signature = libsignal.curve.calculateSignature(privKey, message)
      expect(isSignedBy(pubKey.subarray(1), message, signature)).toBe(true)
      expect(isSignedBy(pubKey.subarray(1), randomBytes(40), signature)).toBe(false)
      expect(isSignedBy(generateKeyPair().public, message, signature)).toBe(false)
    }
  })

  test('keys of both signs occur and sign', () => {
    const keys = Array.from({ length: 32 }, generateSigningKey)
    expect(new Set(keys.map(({ sign }) => sign))).toEqual(new Set([0, 0x80]))
    for (const key of keys) expect(isSignedBy(key.public, keyType, signWith(key, keyType))).toBe(true)
  })

  test('a seed gives the same key every time', () => {
    const seed = randomBytes(32)
    expect(signingKeyFrom(seed).public).toEqual(signingKeyFrom(Buffer.from(seed)).public)
  })

  test('bytes that are not a key or not a signature are rejected', () => {
    const key = generateSigningKey()
    expect(isSignedBy(key.public, keyType, Buffer.alloc(63))).toBe(false)
    expect(isSignedBy(Buffer.alloc(31), keyType, Buffer.alloc(64))).toBe(false)
    expect(isSignedBy(Buffer.alloc(32), keyType, Buffer.alloc(64, 1))).toBe(false)
  })
})

describe('X25519', () => {
  test('agrees with Baileys, whichever side computes', () => {
    const ours = generateSigningKey()
    const theirs = Curve.generateKeyPair()
    const secret = sharedSecret(ours.private, theirs.public)
    expect(secret).toEqual(Buffer.from(Curve.sharedKey(theirs.private, ours.public)))
    expect(publicKeyOf(Buffer.from(theirs.private))).toEqual(Buffer.from(theirs.public))
  })
})

describe('the link code', () => {
  test('Baileys unwraps what we wrap, and we what Baileys wraps', async () => {
    const { public: key } = generateKeyPair()
    const wrapped = await wrapKey('ABCD1234', key)
    const ourKey = await derivePairingCodeKey('ABCD1234', wrapped.subarray(0, 32))
    const decipher = createDecipheriv('aes-256-ctr', ourKey, wrapped.subarray(32, 48))
    expect(decipher.update(wrapped.subarray(48))).toEqual(key)

    const [salt, iv] = [randomBytes(32), randomBytes(16)]
    const cipher = createCipheriv('aes-256-ctr', await derivePairingCodeKey('ABCD1234', salt), iv)
    const theirs = Buffer.concat([salt, iv, cipher.update(key)])
    expect(await unwrapKey('ABCD1234', theirs)).toEqual(key)
    expect(await unwrapKey('ABCD1235', theirs)).not.toEqual(key)
  })
})

describe('frames', () => {
  const frame = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
  const routing = fc.option(frame, { nil: undefined })

  test('come out whole however the stream is chopped', () => {
    fc.assert(
      fc.property(fc.array(frame), routing, fc.array(fc.integer({ min: 1, max: 50 })), (frames, info, sizes) => {
        const intro = info ? [Buffer.from([0x45, 0x44, 0, 1]), frameOf(info)] : []
        const reader = readFrames()
        const read = chop(Buffer.concat([...intro, waHeader, ...frames.map(frameOf)]), sizes).flatMap(reader.push)
        expect(read).toEqual(frames)
        expect(reader.routingInfo()).toEqual(info)
      }),
    )
  })

  test('a stream that begins otherwise is refused', () => {
    expect(() => readFrames().push(Buffer.from('GET / HTTP/1.1'))).toThrow('neither ED nor WA')
  })
})

function chop(stream: Buffer, sizes: number[]): Buffer[] {
  const chunks: Buffer[] = []
  let rest = stream
  for (const size of sizes) {
    chunks.push(rest.subarray(0, size))
    rest = rest.subarray(size)
  }
  return [...chunks, rest]
}
