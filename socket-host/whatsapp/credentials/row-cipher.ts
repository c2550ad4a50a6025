/** Encrypts stored credentials, row by row, with the data key of their generation (R14). */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import type { GenerationRef } from '#shared/ports.ts'

/** Layout of a row: version (1 byte), nonce (12), ciphertext, tag (16). */
const version = 1
const nonceBytes = 12
const tagBytes = 16
const overhead = 1 + nonceBytes + tagBytes

/** True for bytes in the format that this build writes. Another first byte is one of another build. */
export const hasKnownFormat = (bytes: Uint8Array): boolean => bytes.length >= overhead && bytes[0] === version

export type RowCipher = {
  /** Encrypts a row, bound to company, generation and row key. */
  seal(key: string, plaintext: Uint8Array): Buffer
  /** Decrypts a row; undefined if it was altered, truncated, moved from another place, or sealed with another key. */
  open(key: string, bytes: Uint8Array): Buffer | undefined
  /** Returns the row key of a Signal key. Ids contain phones of contacts, so only a keyed hash of them is stored. */
  nameOf(type: string, id: string): string
}

/** Makes the cipher of a generation. From `dataKey` (32 bytes) it derives one key for encryption and one for names. */
export function rowCipher(dataKey: Uint8Array, { companyId, generation }: GenerationRef): RowCipher {
  const encryptionKey = derive(dataKey, 'rows')
  const nameKey = derive(dataKey, 'names')
  const context = (key: string) => Buffer.from(JSON.stringify([companyId, generation, key]))
  return {
    seal(key, plaintext) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', encryptionKey, nonce).setAAD(context(key))
      const sealed = [cipher.update(plaintext), cipher.final()]
      return Buffer.concat([Buffer.of(version), nonce, ...sealed, cipher.getAuthTag()])
    },
    open(key, bytes) {
      if (!hasKnownFormat(bytes)) return undefined
      const nonce = bytes.subarray(1, 1 + nonceBytes)
      const tag = bytes.subarray(bytes.length - tagBytes)
      const decipher = createDecipheriv('aes-256-gcm', encryptionKey, nonce, { authTagLength: tagBytes })
      decipher.setAAD(context(key)).setAuthTag(tag)
      const opened = decipher.update(bytes.subarray(1 + nonceBytes, bytes.length - tagBytes))
      return isAuthentic(decipher) ? opened : undefined
    },
    nameOf: (type, id) => `${type}#${createHmac('sha256', nameKey).update(`${type}#${id}`).digest('base64url')}`,
  }
}

/** Checks the GCM tag: `final` throws when it does not match. */
function isAuthentic(decipher: { final(): Buffer }): boolean {
  try {
    decipher.final()
    return true
  } catch {
    return false
  }
}

const derive = (dataKey: Uint8Array, purpose: string) =>
  createSecretKey(Buffer.from(hkdfSync('sha256', dataKey, Buffer.alloc(0), `pairplane credentials ${purpose}`, 32)))
