import { proto } from '@whiskeysockets/baileys'
import { generateSigningKey, type SigningKey, signWith } from './xeddsa.ts'

/** Flaws that a certificate chain can be given. */
export type CertificateFlaw =
  | 'forged'
  | 'wrong-key'
  | 'expired'
  | 'missing-leaf'
  | 'missing-intermediate'
  | 'other-issuer'
  | 'issuer-absent'
  | 'short-signature'

const rootSerial = 0
const intermediateSerial = 9
const leafSerial = 21
const daySeconds = 86_400

/**
 * Returns the encoded certificate chain of the server's static key: the root signs the intermediate, the intermediate
 * signs the leaf, and the leaf names the static key. With a flaw, the chain is one that a client should refuse.
 */
export function certificateChain(root: SigningKey, staticKey: Uint8Array, flaw?: CertificateFlaw): Buffer {
  const intermediateKey = generateSigningKey()
  const dates = validity(flaw === 'expired' ? -2 : 0)
  const intermediate = certificate(flaw === 'forged' ? generateSigningKey() : root, {
    ...dates,
    serial: intermediateSerial,
    key: intermediateKey.public,
    // 0 must be encoded: Baileys reads an absent issuer serial as null, which does not match WhatsApp's root serial.
    ...(flaw === 'issuer-absent' ? {} : { issuerSerial: flaw === 'other-issuer' ? 7 : rootSerial }),
  })
  const leaf = certificate(intermediateKey, {
    ...dates,
    serial: leafSerial,
    key: flaw === 'wrong-key' ? generateSigningKey().public : staticKey,
    issuerSerial: intermediateSerial,
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
  const now = Math.floor(Date.now() / 1000) + offsetDays * daySeconds
  return { notBefore: now - daySeconds, notAfter: now + (offsetDays < 0 ? daySeconds : 365 * daySeconds) }
}
