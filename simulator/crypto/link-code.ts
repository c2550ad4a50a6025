import { createCipheriv, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { deriveKey, unseal } from './symmetric.ts'
import { sharedSecret } from './x25519.ts'

/** The contents of companion_finish: what the companion sends once it has the phone's ephemeral key. */
export type KeyBundle = {
  readonly companionIdentity: Buffer
  readonly primaryIdentity: Buffer
  readonly random: Buffer
}

const deriveFromPassword = promisify(pbkdf2)
const iterations = 2 << 16
const wrappedKeyBytes = 80
const bundleBytes = 156
const bundleInfo = 'link_code_pairing_key_bundle_encryption_key'

/** True when the bytes have the length of a wrapped key: salt 32, IV 16, key 32. */
export function isWrappedKey(bytes: Uint8Array | undefined): bytes is Buffer {
  return bytes?.length === wrappedKeyBytes
}

/** Encrypts an ephemeral public key under the eight characters of a code. */
export async function wrapKey(code: string, publicKey: Buffer): Promise<Buffer> {
  const salt = randomBytes(32)
  const iv = randomBytes(16)
  return Buffer.concat([salt, iv, await cipherUnderCode(code, salt, iv, publicKey)])
}

/** Reverses {@link wrapKey}. A wrong code is not detected: it gives another key. */
export function unwrapKey(code: string, wrapped: Buffer): Promise<Buffer> {
  return cipherUnderCode(code, wrapped.subarray(0, 32), wrapped.subarray(32, 48), wrapped.subarray(48))
}

/** Decrypts a key bundle. Returns undefined when the two sides did not use the same code. */
export function openKeyBundle(bundle: Buffer, ephemeralSecret: Buffer): KeyBundle | undefined {
  if (bundle.length !== bundleBytes) return undefined
  const key = deriveKey(ephemeralSecret, 32, bundle.subarray(0, 32), bundleInfo)
  try {
    const plaintext = unseal(key, bundle.subarray(32, 44), bundle.subarray(44))
    return {
      companionIdentity: plaintext.subarray(0, 32),
      primaryIdentity: plaintext.subarray(32, 64),
      random: plaintext.subarray(64, 96),
    }
  } catch {
    // GCM rejects the tag when the keys differ. That is how a phone learns that the code was wrong.
    return undefined
  }
}

/** Derives the secret that authenticates the new device's identity. Both sides derive it; it is never sent. */
export function advSecretOf(ephemeralSecret: Buffer, primaryIdentityPrivate: Buffer, bundle: KeyBundle): Buffer {
  const identitySecret = sharedSecret(primaryIdentityPrivate, bundle.companionIdentity)
  return deriveKey(Buffer.concat([ephemeralSecret, identitySecret, bundle.random]), 32, undefined, 'adv_secret')
}

// AES-CTR is its own inverse: the same function wraps and unwraps.
async function cipherUnderCode(code: string, salt: Buffer, iv: Buffer, key: Buffer): Promise<Buffer> {
  const codeKey = await deriveFromPassword(code, salt, iterations, 32, 'sha256')
  return createCipheriv('aes-256-ctr', codeKey, iv).update(key)
}
