import { createHash } from 'node:crypto'
import { generateSigningKey, type SigningKey } from '../crypto/xeddsa.ts'
import { type Behaviour, ok } from './behaviour.ts'
import type { DeviceKeys } from './device-keys.ts'

/** A phone with WhatsApp: the primary device of an account. */
export type Phone = {
  /** The number in international digits. */
  readonly number: string
  readonly lid: string
  readonly identity: SigningKey
  devices: Device[]
  /** The id of the next device. Ids are never reused, so a lower id without a device belongs to a removed one. */
  nextDevice: number
  behaviour: Behaviour
  /** Number of valid requests for a code for this number. */
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
  /** Undefined for a device that was linked without a companion on the line, and without its keys. */
  keys: DeviceKeys | undefined
  preKeys: number
  /** The highest id among the pre-keys. Ids only grow: an upload of a lower one means a roll-back of credentials. */
  lastPreKey: number
  logins: number
}

/** Every phone that a request has named so far. */
export type PhoneDirectory = {
  /** By number. */
  readonly phones: Map<string, Phone>
  /** Asks for the phones to be written to the state file soon. */
  readonly save: () => void
}

/** Returns the phone with this number. Every number has a phone: an unknown one is created and behaves well. */
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

/** Returns the phone of a number's account. With the behaviour `known-as`, that is the phone of another number. */
export function accountOf(directory: PhoneDirectory, number: string): Phone {
  const phone = phoneOf(directory, number)
  const other = phone.behaviour.effect.knownAs
  return other === undefined ? phone : phoneOf(directory, other)
}

/** Finds a linked device by its id. */
export function findDevice(phone: Phone, id: number): Device | undefined {
  return phone.devices.find((device) => device.id === id)
}

/** Returns the account's LID, WhatsApp's id that hides the number. The same number always gets the same LID. */
export function lidOf(number: string): string {
  const digest = createHash('sha256').update(number).digest().readBigUInt64BE()
  return `2${(digest % 10n ** 14n).toString().padStart(14, '0')}`
}
