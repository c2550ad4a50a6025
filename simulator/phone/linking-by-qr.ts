import { take } from './behaviour.ts'
import type { LinkingService } from './linking-service.ts'
import { sendNotice } from './notice.ts'
import type { Phone } from './phone.ts'
import type { LinkOutcome } from './screen.ts'
import type { Registration } from './waiting-companion.ts'

/** The contents of a companion's QR code. */
export type QrCode = {
  readonly ref: string
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly advSecret: Buffer
}

/**
 * Parses the text of a QR code: `[https://wa.me/settings/linked_devices#]ref,noise,identity,secret[,platform]`. Returns
 * undefined when it is malformed.
 */
export function parseQr(text: string): QrCode | undefined {
  const [ref, ...fields] = text.slice(text.indexOf('#') + 1).split(',')
  const [noiseKey, identityKey, advSecret] = fields.map((field) => Buffer.from(field, 'base64'))
  if (!ref || !noiseKey || !identityKey || !advSecret || fields.length > 4) return undefined
  const keys = [noiseKey, identityKey, advSecret]
  return keys.every((key) => key.length === 32) ? { ref, noiseKey, identityKey, advSecret } : undefined
}

/** The owner scans a QR code. Resolves when the phone shows the outcome. */
export async function scanQr(service: LinkingService, phone: Phone, qr: QrCode): Promise<LinkOutcome> {
  const screen = take(phone, 'screen')
  if (screen) return { screen }
  if (phone.devices.length >= service.deviceLimit) return { screen: 'device limit reached' }
  const registration = findRegistration(service, qr.ref)
  if (!registration) return { screen: 'unknown QR' }
  checkQr(service, registration, phone, qr)
  if (registration.hasRetiredQr) return { screen: 'could not link' }
  if (take(phone, 'needsPasskey')) {
    sendNotice(registration, 'passkey_prologue_request')
    return { screen: 'passkey required' }
  }
  return service.link(registration, { phone, advSecret: qr.advSecret, by: 'qr' })
}

function findRegistration(service: LinkingService, ref: string): Registration | undefined {
  return [...service.registrations].find(
    ({ refs, channel, isLinking }) => refs.includes(ref) && channel.connection.isOpen() && !isLinking,
  )
}

function checkQr(service: LinkingService, registration: Registration, phone: Phone, qr: QrCode): void {
  const { channel, noiseKey, identityKey, pending } = registration
  if (!noiseKey.equals(qr.noiseKey) || !identityKey.equals(qr.identityKey)) {
    service.recordMisuse(
      channel.connection,
      'qr-of-other-keys',
      'the QR names other keys than the connection',
      phone.number,
    )
  }
  if (pending) {
    service.recordMisuse(channel.connection, 'qr-and-code-on-one-socket', 'a code still waits', phone.number)
  }
}
