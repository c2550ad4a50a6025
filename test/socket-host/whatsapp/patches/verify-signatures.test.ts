import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { Curve, proto, WA_CERT_DETAILS } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { installVerification, isChain, isSignedBy } from '../../../../socket-host/whatsapp/patches/verify-signatures.ts'

/** libsignal's own verification. It is correct, but Baileys ignores its result. */
const baileys = createRequire(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))
const libsignal: { verifySignature(key: Buffer, message: Uint8Array, signature: Uint8Array): boolean } =
  baileys('libsignal/src/curve.js')
const typed = (key: Uint8Array) => Buffer.concat([Buffer.of(5), key])

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))

describe('XEdDSA', () => {
  test('signatures of libsignal verify, and no others do', () => {
    fc.assert(
      fc.property(
        bytes(200).filter(({ length }) => length > 0),
        fc.nat({ max: 63 }),
        fc.integer({ min: 1, max: 255 }),
        (message, at, flip) => {
          const { private: privateKey, public: publicKey } = Curve.generateKeyPair()
          const signature = Curve.sign(privateKey, message)
          expect(isSignedBy(publicKey, message, signature)).toBe(true)
          expect(isSignedBy(typed(publicKey), message, signature)).toBe(true)

          const altered = Buffer.from(signature)
          altered[at] = (altered[at] ?? 0) ^ flip
          expect(isSignedBy(publicKey, message, altered)).toBe(false)
          expect(isSignedBy(publicKey, Buffer.concat([message, Buffer.of(0)]), signature)).toBe(false)
          expect(isSignedBy(Curve.generateKeyPair().public, message, signature)).toBe(false)
        },
      ),
      { numRuns: 25 },
    )
  })

  test('it agrees with libsignal on true and on altered signatures', () => {
    fc.assert(
      fc.property(
        bytes(50).filter(({ length }) => length > 0),
        fc.boolean(),
        (message, isAltered) => {
          const pair = Curve.generateKeyPair()
          const signature = Buffer.from(Curve.sign(pair.private, message))
          if (isAltered) signature[5] = (signature[5] ?? 0) ^ 1
          expect(isSignedBy(pair.public, message, signature)).toBe(
            libsignal.verifySignature(typed(pair.public), message, signature),
          )
        },
      ),
      { numRuns: 20 },
    )
  })

  test.each([
    ['an empty key', new Uint8Array(), 64],
    ['a short signature', randomBytes(32), 63],
    ['a key of another type', Buffer.concat([Buffer.of(6), randomBytes(32)]), 64],
    ['a key that has no Edwards form', Buffer.from(`ec${'ff'.repeat(30)}7f`, 'hex'), 64],
  ])('%s verifies nothing', (_what, key, length) => {
    expect(isSignedBy(key, Buffer.from('message'), randomBytes(length))).toBe(false)
  })
})

const day = 86_400_000
const now = Date.UTC(2026, 0, 1)
const seconds = (at: number) => Math.floor(at / 1000)
const { Details } = proto.CertChain.NoiseCertificate
type DetailFields = proto.CertChain.NoiseCertificate.IDetails

describe('a certificate chain', () => {
  const staticKey = randomBytes(32)
  const dates = { notBefore: seconds(now - day), notAfter: seconds(now + day) }
  const issuer = { ...dates, serial: 9, issuerSerial: 0, key: randomBytes(32) }
  const subject = { ...dates, serial: 21, issuerSerial: 9, key: staticKey }
  const chain = (changes: { issuer?: DetailFields; subject?: DetailFields }) => ({
    intermediate: Details.encode({ ...issuer, ...changes.issuer }).finish(),
    leaf: Details.encode({ ...subject, ...changes.subject }).finish(),
    staticKey,
  })

  test('holds when the leaf names the static key, whatever its dates', () => {
    expect(isChain(chain({}))).toBe(true)
    expect(isChain(chain({ subject: { notBefore: null, notAfter: null } }))).toBe(true)
  })

  test.each([
    ['another static key', { subject: { key: randomBytes(32) } }],
    ['no key', { subject: { key: null } }],
    ['another issuer', { subject: { issuerSerial: 8 } }],
  ])('does not hold with %s', (_what, changes) => {
    expect(isChain(chain(changes))).toBe(false)
  })

  test('does not hold without a leaf or a handshake', () => {
    expect(isChain({ ...chain({}), leaf: undefined })).toBe(false)
    expect(isChain({ ...chain({}), staticKey: undefined })).toBe(false)
  })
})

describe('Baileys', () => {
  const root = Curve.generateKeyPair()
  const genuine = WA_CERT_DETAILS.PUBLIC_KEY
  beforeAll(() => {
    WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(root.public)
    installVerification()
  })
  afterAll(() => {
    WA_CERT_DETAILS.PUBLIC_KEY = genuine
  })

  /** Makes the calls of Baileys' handshake, in the same order. */
  const handshake = (server: Uint8Array, certified: Uint8Array, signer = root) => {
    const intermediate = Curve.generateKeyPair()
    const issuer = Details.encode({ serial: 9, issuerSerial: 0, key: intermediate.public }).finish()
    const leaf = Details.encode({ serial: 21, issuerSerial: 9, key: certified }).finish()
    Curve.sharedKey(Curve.generateKeyPair().private, server)
    const isLeaf = Curve.verify(intermediate.public, leaf, Curve.sign(intermediate.private, leaf))
    return isLeaf && Curve.verify(WA_CERT_DETAILS.PUBLIC_KEY, issuer, Curve.sign(signer.private, issuer))
  }

  test('accepts a server that the root has certified', () => {
    const server = Curve.generateKeyPair().public
    expect(handshake(server, server)).toBe(true)
  })

  test('refuses a chain that another key has signed, and the chain of another server', () => {
    const server = Curve.generateKeyPair().public
    expect(handshake(server, server, Curve.generateKeyPair())).toBe(false)
    expect(handshake(server, Curve.generateKeyPair().public)).toBe(false)
  })

  test('refuses a forged account signature', () => {
    const account = Curve.generateKeyPair()
    const message = randomBytes(40)
    expect(Curve.verify(account.public, message, Curve.sign(account.private, message))).toBe(true)
    expect(Curve.verify(account.public, message, Curve.sign(Curve.generateKeyPair().private, message))).toBe(false)
  })
})
