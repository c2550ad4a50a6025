/**
 * The signature checks that Baileys 7.0.0-rc14 only pretends to make (R43). Its `Curve.verify` takes libsignal's
 * `false` for success; both `Curve` and the root key are exported, mutable objects that it reads at each use.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { Curve, proto, WA_CERT_DETAILS } from '@whiskeysockets/baileys'

const p = 2n ** 255n - 19n
const signBit = 0x80
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex')

let isInstalled = false

/** Makes Baileys verify, from the next handshake and the next pair-success on. Further calls change nothing. */
export function installVerification(): void {
  if (isInstalled) return
  isInstalled = true
  const originalSharedKey = Curve.sharedKey
  /** The server's static key is the last one agreed with before its certificate is checked, in the same tick. */
  let lastAgreedKey: Uint8Array | undefined
  /** What the last signature that held was made over; right before the root's turn it is the leaf. */
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

/** A signed certificate chain as bytes, and the Noise static key that it must vouch for. */
type Chain = {
  readonly intermediate: Uint8Array
  readonly leaf: Uint8Array | undefined
  readonly staticKey: Uint8Array | undefined
}

/**
 * Whether the leaf is of this intermediate and names the static key. Its dates are not judged: no client that is known
 * judges them, so that WhatsApp may well let them pass, and every connection would stop on that day.
 */
export function isChain({ intermediate, leaf, staticKey }: Chain): boolean {
  if (!leaf || !staticKey) return false
  const issuer = proto.CertChain.NoiseCertificate.Details.decode(intermediate)
  const subject = proto.CertChain.NoiseCertificate.Details.decode(leaf)
  return subject.issuerSerial === issuer.serial && Buffer.from(staticKey).equals(subject.key ?? Buffer.alloc(0))
}

/**
 * Verifies an XEdDSA signature of an X25519 key (32 bytes, or 33 with the type byte 5): as a plain Ed25519 signature of
 * the Edwards form of the key, whose sign travels in the top bit of the signature.
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

/** y = (u - 1) / (u + 1); undefined where that has no value. */
function edwardsKey(u: Uint8Array, sign: number): KeyObject | undefined {
  const montgomery = (fromLittleEndian(u) % 2n ** 255n) % p
  if (montgomery === p - 1n) return undefined
  const y = toLittleEndian(modulo((montgomery - 1n) * inverse(montgomery + 1n)))
  y.writeUInt8(y.readUInt8(31) | sign, 31)
  return createPublicKey({ key: Buffer.concat([ed25519Prefix, y]), format: 'der', type: 'spki' })
}

/** Extended Euclid. Everything here is public, so that its timing gives nothing away. */
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
