import { createHash } from 'node:crypto'
import { generateSigningKey, type SigningKey } from '../crypto/xeddsa.ts'
import { type Behaviour, ok } from './behaviour.ts'

/** A phone with WhatsApp on it: the account's primary device. */
export type Phone = {
  /** The number in international digits. */
  readonly number: string
  readonly lid: string
  readonly identity: SigningKey
  devices: Device[]
  /** Ids are never used twice, so a device that is missing below this was removed, not invented. */
  nextDevice: number
  behaviour: Behaviour
  /** How often a companion asked for a code for this number. */
  companionHellos: number
}

/** A device that is linked to a phone's account. */
export type Device = {
  readonly id: number
  readonly keyIndex: number
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly platform: string
  readonly linkedAt: string
  preKeys: number
  /** The highest id among them; ids only grow, so a lower one tells of credentials that were rolled back. */
  lastPreKey: number
  logins: number
}

/** Every phone that was named so far. */
export type PhoneDirectory = {
  /** By number. */
  readonly phones: Map<string, Phone>
  /** Asks for the phones to be written to the state file soon. */
  readonly save: () => void
}

/** The phone with this number. Every number has a phone: one that was never heard of behaves well. */
export function phoneOf(directory: PhoneDirectory, number: string): Phone {
  const known = directory.phones.get(number)
  if (known) return known
  const phone: Phone = {
    number,
    lid: lidOf(number),
    identity: generateSigningKey(),
    devices: [],
    nextDevice: 1,
    behaviour: ok,
    companionHellos: 0,
  }
  directory.phones.set(number, phone)
  directory.save()
  return phone
}

/** The phone of the account that a number leads to: its own, or the one that knows the number in another form. */
export function accountOf(directory: PhoneDirectory, number: string): Phone {
  const phone = phoneOf(directory, number)
  const other = phone.behaviour.effect.knownAs
  return other === undefined ? phone : phoneOf(directory, other)
}

/** A linked device by its id. */
export function findDevice(phone: Phone, id: number): Device | undefined {
  return phone.devices.find((device) => device.id === id)
}

/** The account's other name, which hides the number from strangers; the same number always gets the same. */
export function lidOf(number: string): string {
  const digest = createHash('sha256').update(number).digest().readBigUInt64BE()
  return `2${(digest % 10n ** 14n).toString().padStart(14, '0')}`
}
