/**
 * Signature checks that Baileys 7.0.0-rc14 makes without effect (R43): its `Curve.verify` takes libsignal's `false` for
 * success. `Curve` and the root key are exported, mutable objects that Baileys reads at each use, so they can be
 * replaced.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { Curve, proto, WA_CERT_DETAILS } from '@whiskeysockets/baileys'

const p = 2n ** 255n - 19n
const signBit = 0x80
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex')

let isInstalled = false

/** Makes Baileys verify signatures from the next handshake and pair-success on. Further calls have no effect. */
export function installVerification(): void {
  if (isInstalled) return
  isInstalled = true
  const originalSharedKey = Curve.sharedKey
  /**
   * Public key of the last key agreement. When a certificate is checked, in the same tick, it is the server's static
   * key.
   */
  let lastAgreedKey: Uint8Array | undefined
  /** Message of the last valid signature. Right before the root's signature is checked, it is the leaf certificate. */
  let leaf: Uint8Array | undefined
  Curve.sharedKey = (privateKey, publicKey) => {
    lastAgreedKey = publicKey
    return originalSharedKey(privateKey, publicKey)
  }
  Curve.verify = (publicKey, message, signature) => {
    const isSigned = isSignedBy(publicKey, message, signature)
    const isRoot = publicKey === WA_CERT_DETAILS.PUBLIC_KEY
    const isGenuine = isSigned && (!isRoot || isChain({ intermediate: message, leaf, staticKey: lastAgreedKey }))
    leaf = isSigned && !isRoot ? message : undefined
    return isGenuine
  }
}

/** Signed certificate chain as bytes, and the Noise static key that it must certify. */
type Chain = {
  readonly intermediate: Uint8Array
  readonly leaf: Uint8Array | undefined
  readonly staticKey: Uint8Array | undefined
}

/**
 * True when the intermediate has issued the leaf and the leaf names the static key. The dates are not checked: no known
 * client checks them, so WhatsApp may let a certificate expire, and every connection would fail on that day.
 */
export function isChain({ intermediate, leaf, staticKey }: Chain): boolean {
  if (!leaf || !staticKey) return false
  const issuer = proto.CertChain.NoiseCertificate.Details.decode(intermediate)
  const subject = proto.CertChain.NoiseCertificate.Details.decode(leaf)
  return subject.issuerSerial === issuer.serial && Buffer.from(staticKey).equals(subject.key ?? Buffer.alloc(0))
}

/**
 * Verifies an XEdDSA signature by an X25519 key (32 bytes, or 33 with the type byte 5). It is a plain Ed25519 signature
 * by the Edwards form of the key, whose sign is the top bit of the signature.
 */
export function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const u = publicKey.length === 33 && publicKey[0] === 5 ? publicKey.subarray(1) : publicKey
  const top = signature[63]
  if (u.length !== 32 || signature.length !== 64 || top === undefined) return false
  const key = edwardsKey(u, top & signBit)
  if (!key) return false
  const plain = Buffer.from(signature)
  plain[63] = top & ~signBit
  return verify(null, message, key, plain)
}

/** Ed25519 form of the key with the coordinate `u`: y = (u - 1) / (u + 1). Undefined for u = -1, which has none. */
function edwardsKey(u: Uint8Array, sign: number): KeyObject | undefined {
  const montgomery = (fromLittleEndian(u) % 2n ** 255n) % p
  if (montgomery === p - 1n) return undefined
  const y = toLittleEndian(modulo((montgomery - 1n) * inverse(montgomery + 1n)))
  y.writeUInt8(y.readUInt8(31) | sign, 31)
  return createPublicKey({ key: Buffer.concat([ed25519Prefix, y]), format: 'der', type: 'spki' })
}

/** Modular inverse by the extended Euclidean algorithm. All values are public, so its timing reveals nothing. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value, p, 1n, 0n]
  while (b !== 0n) {
    const quotient = a / b
    ;[a, b, x, y] = [b, a - quotient * b, y, x - quotient * y]
  }
  return modulo(x)
}

const modulo = (value: bigint): bigint => ((value % p) + p) % p
const fromLittleEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
const toLittleEndian = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
