import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'

/** An X25519 key pair as 32 raw bytes each, the form in which WhatsApp sends public keys. */
export type KeyPair = {
  readonly private: Buffer
  readonly public: Buffer
}

// DER prefixes of 32-byte keys (RFC 8410). Node does not import raw keys without them.
const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b656e032100', 'hex')

/** Generates a key pair. */
export function generateKeyPair(): KeyPair {
  const pair = generateKeyPairSync('x25519', {
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
    publicKeyEncoding: { format: 'der', type: 'spki' },
  })
  return { private: pair.privateKey.subarray(-32), public: pair.publicKey.subarray(-32) }
}

/** Returns the public key of a raw private key. */
export function publicKeyOf(privateKey: Buffer): Buffer {
  return createPublicKey(importPrivate(privateKey)).export({ format: 'der', type: 'spki' }).subarray(-32)
}

/** Computes the shared secret of a key exchange. Throws on a point of low order. */
export function sharedSecret(privateKey: Buffer, publicKey: Uint8Array): Buffer {
  return diffieHellman({ privateKey: importPrivate(privateKey), publicKey: importPublic(publicKey) })
}

function importPrivate(raw: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([privatePrefix, raw]), format: 'der', type: 'pkcs8' })
}

function importPublic(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([publicPrefix, raw]), format: 'der', type: 'spki' })
}
