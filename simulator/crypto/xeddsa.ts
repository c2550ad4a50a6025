import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { type KeyPair, publicKeyOf } from './x25519.ts'

/**
 * A key pair that agrees on secrets (X25519) and signs (XEdDSA), as Signal's identity keys do.
 *
 * It is made from an Ed25519 seed. Ed25519 hashes the seed to a scalar, which is the X25519 private key here. Both keys
 * are the same point, so a native Ed25519 signature is a valid XEdDSA signature of the X25519 key.
 */
export type SigningKey = KeyPair & {
  readonly seed: Buffer
  readonly ed25519: KeyObject
  /** The sign of the point's x, which the X25519 form does not keep: 0 or 0x80. */
  readonly sign: number
}

const fieldPrime = 2n ** 255n - 19n
const signBit = 0x80
const seedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Generates a signing key. */
export function generateSigningKey(): SigningKey {
  return signingKeyFrom(randomBytes(32))
}

/** Derives a signing key from a 32-byte seed. */
export function signingKeyFrom(seed: Buffer): SigningKey {
  const ed25519 = createPrivateKey({ key: Buffer.concat([seedPrefix, seed]), format: 'der', type: 'pkcs8' })
  const point = createPublicKey(ed25519).export({ format: 'der', type: 'spki' })
  const scalar = clamp(createHash('sha512').update(seed).digest().subarray(0, 32))
  return {
    seed,
    ed25519,
    private: scalar,
    public: publicKeyOf(scalar),
    sign: point.readUInt8(point.length - 1) & signBit,
  }
}

/** Returns an XEdDSA signature: R, then s with the sign of the public point in its top bit. */
export function signWith(key: SigningKey, message: Uint8Array): Buffer {
  const signature = sign(null, message, key.ed25519)
  signature.writeUInt8(signature.readUInt8(63) | key.sign, 63)
  return signature
}

/** True when the signature is an XEdDSA signature over the message by this X25519 key. */
export function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const plain = Buffer.from(signature)
  const sign = plain.readUInt8(63) & signBit
  plain.writeUInt8(plain.readUInt8(63) & ~signBit, 63)
  return verify(null, message, edwardsKey(publicKey, sign), plain)
}

/** Converts a Montgomery u to its Edwards point: y = (u - 1) / (u + 1). */
function edwardsKey(publicKey: Uint8Array, sign: number): KeyObject {
  const u = fromLittleEndian(publicKey) % 2n ** 255n
  const y = toLittleEndian(modulo((u - 1n) * inverse(modulo(u + 1n))))
  y.writeUInt8(y.readUInt8(31) | sign, 31)
  return createPublicKey({ key: Buffer.concat([publicPrefix, y]), format: 'der', type: 'spki' })
}

function clamp(scalar: Buffer): Buffer {
  scalar.writeUInt8(scalar.readUInt8(0) & 0xf8, 0)
  scalar.writeUInt8((scalar.readUInt8(31) & 0x7f) | 0x40, 31)
  return scalar
}

function modulo(value: bigint): bigint {
  const rest = value % fieldPrime
  return rest < 0n ? rest + fieldPrime : rest
}

/** Modular inverse by extended Euclid. In BigInt it is about ten times as fast as raising to fieldPrime - 2. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value, fieldPrime, 1n, 0n]
  while (b !== 0n) {
    const quotient = a / b
    ;[a, b, x, y] = [b, a - quotient * b, y, x - quotient * y]
  }
  return modulo(x)
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
}

function toLittleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
}
