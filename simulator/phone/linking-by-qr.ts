import { sendNotice } from '../service/companion-hello.ts'
import { link } from '../service/linking.ts'
import type { Registration } from '../service/registration.ts'
import { noteViolation } from '../service/violations.ts'
import type { World } from '../service/world.ts'
import { take } from './behaviour.ts'
import type { Phone } from './phone.ts'
import type { LinkOutcome } from './screen.ts'

/** What a companion's QR code says. */
export interface QrCode {
  readonly ref: string
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly advSecret: Buffer
}

/** Reads a QR code: `[https://wa.me/settings/linked_devices#]ref,noise,identity,secret[,platform]`. */
export function parseQr(text: string): QrCode | undefined {
  const [ref, ...fields] = text.slice(text.indexOf('#') + 1).split(',')
  const [noiseKey, identityKey, advSecret] = fields.map((field) => Buffer.from(field, 'base64'))
  if (!ref || !noiseKey || !identityKey || !advSecret || fields.length > 4) return undefined
  const keys = [noiseKey, identityKey, advSecret]
  return keys.every((key) => key.length === 32) ? { ref, noiseKey, identityKey, advSecret } : undefined
}

/** The owner scans a QR code; resolves when the phone shows how it ended. */
export async function scanQr(world: World, phone: Phone, qr: QrCode): Promise<LinkOutcome> {
  const screen = take(phone, 'screen')
  if (screen) return { screen }
  if (phone.devices.length >= world.deviceLimit) return { screen: 'device limit reached' }
  const registration = findRegistration(world, qr.ref)
  if (!registration) return { screen: 'unknown QR' }
  noteMisuse(world, registration, phone, qr)
  if (registration.hasRetiredQr) return { screen: 'could not link' }
  if (take(phone, 'needsPasskey')) {
    sendNotice(registration, 'passkey_prologue_request')
    return { screen: 'passkey required' }
  }
  return link(world, registration, { phone, advSecret: qr.advSecret, by: 'qr' })
}

function findRegistration(world: World, ref: string): Registration | undefined {
  return [...world.registrations].find(
    ({ refs, channel, isLinking }) => refs.includes(ref) && channel.connection.isOpen() && !isLinking,
  )
}

function noteMisuse(world: World, registration: Registration, phone: Phone, qr: QrCode): void {
  const { channel, noiseKey, identityKey, pending } = registration
  if (!noiseKey.equals(qr.noiseKey) || !identityKey.equals(qr.identityKey)) {
    noteViolation(
      world,
      channel.connection,
      'qr-of-other-keys',
      'the QR names other keys than the connection',
      phone.number,
    )
  }
  if (pending) {
    noteViolation(world, channel.connection, 'qr-and-code-on-one-socket', 'a code still waits', phone.number)
  }
}
