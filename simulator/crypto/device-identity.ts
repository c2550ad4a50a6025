import { proto } from '@whiskeysockets/baileys'
import { hmacSha256 } from './symmetric.ts'
import { generateSigningKey, isSignedBy, type SigningKey, signWith } from './xeddsa.ts'

/** The keys and the key index that a device identity is made of. */
export type DeviceClaim = {
  readonly primaryIdentity: SigningKey
  readonly companionIdentity: Buffer
  readonly advSecret: Buffer
  readonly keyIndex: number
}

/** Flaws that a device identity can be given. */
export type IdentityFlaw = 'bad-hmac' | 'forged-account-signature'

/** A device identity, encoded. */
export type DeviceIdentity = {
  /** The inner details, which the companion signs in turn. */
  readonly details: Uint8Array
  /** The contents of `device-identity` in pair-success: the signed details with their HMAC. */
  readonly sent: Uint8Array
}

const accountSignaturePrefix = Buffer.from([6, 0])
const deviceSignaturePrefix = Buffer.from([6, 1])

/** Signs, as the phone, that this companion belongs to its account (ADV: "authenticated device verification"). */
export function signDeviceIdentity(claim: DeviceClaim, flaw?: IdentityFlaw): DeviceIdentity {
  const { primaryIdentity, companionIdentity } = claim
  const details = proto.ADVDeviceIdentity.encode({
    rawId: primaryIdentity.public.readUInt32BE(0),
    timestamp: Math.floor(Date.now() / 1000),
    keyIndex: claim.keyIndex,
    accountType: proto.ADVEncryptionType.E2EE,
    deviceType: proto.ADVEncryptionType.E2EE,
  }).finish()
  const signer = flaw === 'forged-account-signature' ? generateSigningKey() : primaryIdentity
  const signed = proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: primaryIdentity.public,
    accountSignature: signWith(signer, Buffer.concat([accountSignaturePrefix, details, companionIdentity])),
  }).finish()
  const secret = flaw === 'bad-hmac' ? Buffer.alloc(32) : claim.advSecret
  const sent = proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac: hmacSha256(secret, signed) }).finish()
  return { details, sent }
}

/** True when the companion's answer holds these details and a valid signature of the companion's identity key. */
export function isCountersigned(claim: DeviceClaim, details: Uint8Array, answer: Uint8Array): boolean {
  const { primaryIdentity, companionIdentity } = claim
  const signed = decodeSigned(answer)
  if (!signed?.deviceSignature || !Buffer.from(details).equals(signed.details ?? Buffer.alloc(0))) return false
  const message = Buffer.concat([deviceSignaturePrefix, details, companionIdentity, primaryIdentity.public])
  return isSignedBy(companionIdentity, message, signed.deviceSignature)
}

function decodeSigned(bytes: Uint8Array): proto.ADVSignedDeviceIdentity | undefined {
  try {
    return proto.ADVSignedDeviceIdentity.decode(bytes)
  } catch {
    // The companion sent something else than a signed identity.
    return undefined
  }
}
