import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { type KeyPair, publicKeyOf } from './x25519.ts'

/**
 * A key pair that agrees on secrets (X25519) and signs (XEdDSA), as Signal's identity keys do.
 *
 * It is born as an Ed25519 seed. Ed25519 hashes its seed to the scalar that X25519 takes as private key, so both
 * speak of the same point, and a native Ed25519 signature is a valid XEdDSA signature of the X25519 key.
 */
export type SigningKey = KeyPair & {
  readonly seed: Buffer
  readonly ed25519: KeyObject
  /** The sign of the point's x, which the X25519 form forgets: 0 or 0x80. */
  readonly sign: number
}

const fieldPrime = 2n ** 255n - 19n
const signBit = 0x80
const seedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Makes a fresh signing key. */
export function generateSigningKey(): SigningKey {
  return signingKeyFrom(randomBytes(32))
}

/** The signing key that grows from a 32-byte seed. */
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

/** Signs as XEdDSA: R, s, and the sign of the public point in the top bit of s. */
export function signWith(key: SigningKey, message: Uint8Array): Buffer {
  const signature = sign(null, message, key.ed25519)
  signature.writeUInt8(signature.readUInt8(63) | key.sign, 63)
  return signature
}

/** Whether a signature over the message was made with the private half of this X25519 key. */
export function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const plain = Buffer.from(signature)
  const sign = plain.readUInt8(63) & signBit
  plain.writeUInt8(plain.readUInt8(63) & ~signBit, 63)
  return verify(null, message, edwardsKey(publicKey, sign), plain)
}

/** The Edwards point of a Montgomery u: y = (u - 1) / (u + 1). */
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

/** Extended Euclid; about ten times as fast in BigInt as raising to the power fieldPrime - 2. */
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
