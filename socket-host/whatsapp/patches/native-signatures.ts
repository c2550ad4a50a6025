/**
 * Signs and verifies natively. Baileys and libsignal 6.0.0 do it in JavaScript, which takes milliseconds of the host's
 * only thread for every group message and every key that is signed. `whatsapp-rust-bridge` belongs to Baileys and
 * does both as XEdDSA too, in less than a fiftieth of the time.
 *
 * `Curve.verify` stays with `verify-signatures.ts`: that also refuses keys of small order and a second form of a valid
 * signature, which the bridge accepts as libsignal does.
 */
import { createRequire } from 'node:module'
import { Curve, signedKeyPair } from '@whiskeysockets/baileys'
import { SenderKeyMessage } from '@whiskeysockets/baileys/lib/Signal/Group/sender-key-message.js'
import { calculateSignature, verifySignature } from 'whatsapp-rust-bridge'

/** Number of calls of our functions. `assertInUse` sees by it whether Baileys calls them. */
let calls = 0
let isInstalled = false

/** Signs with an X25519 key of 32 bytes. Throws libsignal's errors for anything else. */
export function sign(privateKey: Uint8Array, message: Uint8Array): Buffer {
  calls += 1
  if (privateKey === undefined) throw new Error('Undefined private key')
  if (!Buffer.isBuffer(privateKey)) throw new Error(`Invalid private key type: ${typeName(privateKey)}`)
  if (privateKey.length !== 32) throw new Error(`Incorrect private key length: ${privateKey.length}`)
  if (!message) throw new Error('Invalid message')
  return Buffer.from(calculateSignature(privateKey, message))
}

/**
 * True when the owner of the key has signed the message. The key has 32 bytes, or 33 with the type byte 5. Throws
 * libsignal's errors for other keys, and for a signature that has not 64 bytes.
 *
 * libsignal passes `isInit` for the signed pre-key of a new session, and ignores the result. As in libsignal, only the
 * form is checked then.
 */
export function verify(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  isInit: boolean = false,
): boolean {
  calls += 1
  if (!Buffer.isBuffer(publicKey)) throw new Error(`Invalid public key type: ${typeName(publicKey)}`)
  const isTyped = publicKey.length === 33 && publicKey[0] === 5
  if (!isTyped && publicKey.length !== 32) throw new Error('Invalid public key')
  if (!message) throw new Error('Invalid message')
  if (signature?.byteLength !== 64) throw new Error('Invalid signature')
  return isInit || verifySignature(isTyped ? publicKey.subarray(1) : publicKey, message, signature)
}

const typeName = (value: unknown) => Object(value).constructor.name

/**
 * Makes Baileys and libsignal sign and verify by the functions above. Throws when one of them does not call ours then.
 * Further calls have no effect.
 */
export function installNativeSignatures(): void {
  if (isInstalled) return
  const libsignal: Libsignal = createRequire(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))(
    'libsignal',
  )
  replace(Curve, { sign })
  replace(libsignal.curve, { calculateSignature: sign, verifySignature: verify })
  // Baileys' module keeps the functions that libsignal's module had when it was first imported.
  replace(SenderKeyMessage.prototype, { getSignature: sign, verifySignature: verifyGroupMessage })
  assertInUse(libsignal)
  isInstalled = true
}

type Libsignal = {
  readonly curve: { verifySignature: typeof verify; generateKeyPair(): { pubKey: Buffer; privKey: Buffer } }
  readonly keyhelper: { generateSignedPreKey(identity: { pubKey: Buffer; privKey: Buffer }, id: number): unknown }
}

/** Throws when the object has no such functions: they have another name now, or Baileys does without them. */
function replace(target: object, functions: { readonly [name: string]: unknown }): void {
  for (const [name, ours] of Object.entries(functions)) {
    if (typeof Reflect.get(target, name) !== 'function' || !Reflect.set(target, name, ours)) throw notPatched(name)
  }
}

/** Method of a group message, which ends with its signature. */
function verifyGroupMessage(this: { readonly serialized: Uint8Array }, publicKey: Uint8Array): void {
  const at = this.serialized.length - 64
  if (!verify(publicKey, this.serialized.slice(0, at), this.serialized.slice(at))) throw new Error('Invalid signature!')
}

function assertInUse({ curve, keyhelper }: Libsignal): void {
  const identity = curve.generateKeyPair()
  const { pubKey, privKey } = identity
  const message = Buffer.of(1)
  const isOurs = (what: string, work: () => unknown) => {
    const before = calls
    work()
    if (calls !== before + 1) throw notPatched(what)
  }
  isOurs('signedKeyPair', () => signedKeyPair({ private: privKey, public: pubKey.subarray(1) }, 1))
  isOurs('generateSignedPreKey', () => keyhelper.generateSignedPreKey(identity, 1))
  const signature = sign(privKey, message)
  isOurs('verifySignature of libsignal', () => curve.verifySignature(pubKey, message, signature))
  isOurs('getSignature of a group message', () => new SenderKeyMessage(1, 1, message, privKey))
  const received = new SenderKeyMessage(
    null,
    null,
    null,
    null,
    new SenderKeyMessage(1, 1, message, privKey).serialize(),
  )
  isOurs('verifySignature of a group message', () => received.verifySignature(pubKey))
}

const notPatched = (what: string) => new Error(`Could not replace the signatures of Baileys: ${what}`)
