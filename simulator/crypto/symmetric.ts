import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto'

const tagBytes = 16
const noBytes = Buffer.alloc(0)

/** Encrypts with AES-256-GCM. The tag is appended, as in Noise and at WhatsApp. */
export function seal(key: Buffer, iv: Buffer, plaintext: Uint8Array, associated: Uint8Array = noBytes): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(associated)
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Decrypts what {@link seal} returned. Throws when the key differs or the bytes were changed. */
export function unseal(key: Buffer, iv: Buffer, sealed: Buffer, associated: Uint8Array = noBytes): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes })
  decipher.setAAD(associated).setAuthTag(sealed.subarray(-tagBytes))
  return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()])
}

/** Derives `length` bytes with HKDF-SHA256. */
export function deriveKey(secret: Uint8Array, length: number, salt: Uint8Array = noBytes, info = ''): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, length))
}

/** SHA-256 of the concatenated parts. */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** HMAC-SHA256. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Buffer {
  return createHmac('sha256', key).update(message).digest()
}
