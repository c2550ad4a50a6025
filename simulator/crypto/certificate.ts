import { proto } from '@whiskeysockets/baileys'
import { generateSigningKey, type SigningKey, signWith } from './xeddsa.ts'

/** The ways in which a certificate chain can be wrong. */
export type CertificateFlaw =
  | 'forged'
  | 'wrong-key'
  | 'expired'
  | 'missing-leaf'
  | 'missing-intermediate'
  | 'other-issuer'
  | 'issuer-absent'
  | 'short-signature'

const ROOT_SERIAL = 0
const INTERMEDIATE_SERIAL = 9
const LEAF_SERIAL = 21
const DAY_SECONDS = 86_400

/**
 * The chain that proves a server's static key: the root signs the intermediate, the intermediate signs the leaf, and
 * the leaf names the static key. Pass a flaw to get one that an honest client must refuse.
 */
export function certificateChain(root: SigningKey, staticKey: Uint8Array, flaw?: CertificateFlaw): Buffer {
  const intermediateKey = generateSigningKey()
  const dates = validity(flaw === 'expired' ? -2 : 0)
  const intermediate = certificate(flaw === 'forged' ? generateSigningKey() : root, {
    ...dates,
    serial: INTERMEDIATE_SERIAL,
    key: intermediateKey.public,
    // Zero must stand on the wire: Baileys takes an absent serial for null, which is not WhatsApp's root.
    ...(flaw === 'issuer-absent' ? {} : { issuerSerial: flaw === 'other-issuer' ? 7 : ROOT_SERIAL }),
  })
  const leaf = certificate(intermediateKey, {
    ...dates,
    serial: LEAF_SERIAL,
    key: flaw === 'wrong-key' ? generateSigningKey().public : staticKey,
    issuerSerial: INTERMEDIATE_SERIAL,
  })
  if (flaw === 'short-signature') leaf.signature = leaf.signature.subarray(0, 63)
  return Buffer.from(
    proto.CertChain.encode({
      ...(flaw === 'missing-leaf' ? {} : { leaf }),
      ...(flaw === 'missing-intermediate' ? {} : { intermediate }),
    }).finish(),
  )
}

function certificate(issuer: SigningKey, fields: proto.CertChain.NoiseCertificate.IDetails) {
  const details = proto.CertChain.NoiseCertificate.Details.encode(fields).finish()
  return { details, signature: signWith(issuer, details) }
}

function validity(offsetDays: number) {
  const now = Math.floor(Date.now() / 1000) + offsetDays * DAY_SECONDS
  return { notBefore: now - DAY_SECONDS, notAfter: now + (offsetDays < 0 ? DAY_SECONDS : 365 * DAY_SECONDS) }
}
