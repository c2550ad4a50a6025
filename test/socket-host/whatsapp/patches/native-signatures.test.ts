import { Curve } from '@whiskeysockets/baileys'
import { SenderKeyMessage } from '@whiskeysockets/baileys/lib/Signal/Group/sender-key-message.js'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { installNativeSignatures, sign, verify } from '../../../../socket-host/whatsapp/patches/native-signatures.ts'
import { isSignedBy } from '../../../../socket-host/whatsapp/patches/verify-signatures.ts'
import { company, libsignal, typed } from './signal-rig.ts'

/** libsignal's functions in JavaScript, which the patch replaces further down. */
const javaScript = { ...libsignal.curve }
const { pubKey, privKey } = libsignal.curve.generateKeyPair()
const message = Buffer.from('message')

/**
 * Adds twice the order of the group to the scalar of a signature, which leaves it mathematically valid. libsignal's
 * JavaScript accepts this form, and the bridge does not.
 */
function largeForm(signature: Uint8Array): Buffer {
  const large = Buffer.from(signature)
  const top = large.readUInt8(63)
  large.writeUInt8(top & 0x7f, 63)
  const scalar = BigInt(`0x${Buffer.from(large.subarray(32)).reverse().toString('hex')}`) + 2n * groupOrder
  large.set(Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse(), 32)
  large.writeUInt8(large.readUInt8(63) | (top & 0x80), 63)
  return large
}
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n

/** Tells the functions in JavaScript from the native ones: they sign a message twice in the same way. */
function telltales() {
  const groupMessage = () => Buffer.from(new SenderKeyMessage(1, 1, message, privKey).serialize())
  const isSame = (make: () => Uint8Array) => Buffer.from(make()).equals(make())
  const signed = groupMessage()
  const large = Buffer.concat([signed.subarray(0, -64), largeForm(signed.subarray(-64))])
  const verifiesLarge = () => {
    try {
      new SenderKeyMessage(null, null, null, null, large).verifySignature(pubKey)
      return true
    } catch (error) {
      expect(error).toEqual(new Error('Invalid signature!'))
      return false
    }
  }
  return {
    baileysSigns: isSame(() => Curve.sign(privKey, message)),
    groupsSign: isSame(groupMessage),
    groupsVerify: verifiesLarge(),
    libsignalSigns: isSame(() => libsignal.curve.calculateSignature(privKey, message)),
    libsignalVerifies: libsignal.curve.verifySignature(pubKey, message, largeForm(sign(privKey, message))),
  }
}
const inJavaScript = (is: boolean) => ({
  baileysSigns: is,
  groupsSign: is,
  groupsVerify: is,
  libsignalSigns: is,
  libsignalVerifies: is,
})

describe('Baileys without the patch', () => {
  test('signs and verifies in JavaScript still', () => {
    expect(
      telltales(),
      'Baileys has native signatures for these: shorten or remove patches/native-signatures.ts',
    ).toEqual(inJavaScript(true))
  })
})

describe('native signatures', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((array) => Buffer.from(array))

  test('verify those of libsignal, which verifies ours, and no altered ones', () => {
    fc.assert(
      fc.property(bytes, fc.nat({ max: 63 }), fc.integer({ min: 1, max: 255 }), (text, at, flip) => {
        const pair = libsignal.curve.generateKeyPair()
        const signature = sign(pair.privKey, text)
        expect(javaScript.verifySignature(pair.pubKey, text, signature)).toBe(true)
        expect(isSignedBy(pair.pubKey, text, signature)).toBe(true)
        for (const each of [signature, javaScript.calculateSignature(pair.privKey, text)]) {
          expect(verify(pair.pubKey, text, each)).toBe(true)
          expect(verify(pair.pubKey.subarray(1), text, each)).toBe(true)

          const altered = Buffer.from(each)
          altered[at] = (altered[at] ?? 0) ^ flip
          expect(verify(pair.pubKey, text, altered)).toBe(false)
          expect(verify(pair.pubKey, Buffer.concat([text, Buffer.of(0)]), each)).toBe(false)
          expect(verify(pubKey, text, each)).toBe(false)
        }
      }),
      { numRuns: 15 },
    )
  })

  test('verify nothing that another signed, whatever the bytes', () => {
    const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(Buffer.from)
    fc.assert(
      fc.property(exactly(32), bytes, exactly(64), (key, text, signature) => {
        expect(verify(typed(key), text, signature)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['no key', undefined, 64],
    ['an empty key', Buffer.alloc(0), 64],
    ['a key of 31 bytes', Buffer.alloc(31), 64],
    ['a key of another type', Buffer.alloc(33, 6), 64],
    ['a key that is no Buffer', new Uint8Array(32), 64],
    ['a signature of 63 bytes', pubKey, 63],
    ['a signature of 65 bytes', pubKey, 65],
  ])('%s is the error that it is in libsignal', (_what, key, length) => {
    const outcomes = [verify, javaScript.verifySignature].map((check) => {
      try {
        return check(key as Buffer, message, Buffer.alloc(length))
      } catch (error) {
        return key === undefined ? 'thrown' : error
      }
    })
    expect(outcomes[0]).toEqual(outcomes[1])
    expect(outcomes[0]).not.toBeTypeOf('boolean')
  })

  test.each([
    ['no key', undefined],
    ['a key of 31 bytes', Buffer.alloc(31)],
    ['a key that is no Buffer', new Uint8Array(32)],
  ])('%s signs nothing, with the error of libsignal', (_what, key) => {
    const errors = [sign, javaScript.calculateSignature].map((signWith) => {
      try {
        return signWith(key as Buffer, message)
      } catch (error) {
        return error
      }
    })
    expect(errors[0]).toBeInstanceOf(Error)
    expect(errors[0]).toEqual(errors[1])
  })

  test('check the form of the signed pre-key of a new session, as libsignal does', () => {
    const forged = Buffer.alloc(64)
    for (const check of [verify, javaScript.verifySignature]) {
      expect(check(pubKey, message, forged, true)).toBe(true)
      expect(() => check(pubKey, message, Buffer.alloc(63), true)).toThrow('Invalid signature')
    }
  })
})

describe('Baileys with the patch', () => {
  beforeAll(() => installNativeSignatures())

  test('signs and verifies natively everywhere', () => {
    expect(telltales()).toEqual(inJavaScript(false))
  })

  test('a group message goes from one company to another; a forged one is refused', async () => {
    const [from, to] = [company(1).repository, company(2).repository]
    const group = '1203630@g.us'
    const authorJid = '79001234567@s.whatsapp.net'
    const { ciphertext, senderKeyDistributionMessage } = await from.encryptGroupMessage({
      group,
      meId: authorJid,
      data: Buffer.from('hello'),
    })
    const item = { groupId: group, axolotlSenderKeyDistributionMessage: senderKeyDistributionMessage }
    await to.processSenderKeyDistributionMessage({ item, authorJid })

    const forged = Buffer.from(ciphertext)
    forged[forged.length - 40] = (forged[forged.length - 40] ?? 0) ^ 1
    await expect(to.decryptGroupMessage({ group, authorJid, msg: forged })).rejects.toThrow('Invalid signature!')
    expect(String(await to.decryptGroupMessage({ group, authorJid, msg: ciphertext }))).toBe('hello')
  })
})
