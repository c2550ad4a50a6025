import { setTimeout as delay } from 'node:timers/promises'
import { type BinaryNode, getBinaryNodeChild } from '@whiskeysockets/baileys'
import {
  type DeviceClaim,
  type DeviceIdentity,
  isCountersigned,
  signDeviceIdentity,
} from '../crypto/device-identity.ts'
import { disrupted, take, takeIf } from '../phone/behaviour.ts'
import type { DeviceKeys } from '../phone/device-keys.ts'
import type { Acceptance } from '../phone/linking-service.ts'
import type { Device, Phone } from '../phone/phone.ts'
import type { LinkOutcome } from '../phone/screen.ts'
import type { Registration } from '../phone/waiting-companion.ts'
import { expectOf } from '../wire/expectation.ts'
import { childBytes, serverIq, stanza, streamError } from '../wire/stanzas.ts'
import { removeDevice } from './remove-device.ts'
import { recordViolation } from './violations.ts'
import type { World } from './world.ts'

const failed: LinkOutcome = { screen: 'could not link' }

/** Makes an accepted companion a device of the account: pair-success, the companion's signature, then 515. */
export async function link(world: World, registration: Registration, acceptance: Acceptance): Promise<LinkOutcome> {
  const { phone, by, advSecret } = acceptance
  const { channel } = registration
  registration.isLinking = true
  registration.isLinking = await waitForPairSuccess(phone)
  if (!registration.isLinking || !channel.connection.isOpen()) return failed

  const device = newDevice(phone, registration)
  const claim = {
    primaryIdentity: phone.identity,
    companionIdentity: registration.identityKey,
    advSecret,
    keyIndex: device.keyIndex,
  }
  if (!(await isAcceptedByCompanion(world, registration, phone, device, claim))) return failed

  phone.devices.push(device)
  world.save()
  world.emit({ type: 'linked', phone: phone.number, device: device.id, by })
  if (takeIf(phone, 'unlinks', 'signed')) removeDevice(world, phone, device, 'phone')
  restart(registration, phone)
  return { screen: 'linked', device: device.id }
}

/** Waits for the delay of the phone's behaviour. False means that pair-success never comes. */
async function waitForPairSuccess(phone: Phone): Promise<boolean> {
  const flaw = take(phone, 'pairSuccess')
  if (flaw === 'never') return false
  if (flaw) await delay(flaw.afterMs, undefined, { ref: false })
  return true
}

/** Keys and platform of the companion that becomes a device. */
type NewCompanion = Pick<Registration, 'noiseKey' | 'identityKey' | 'platform'> & {
  readonly keys: DeviceKeys | undefined
}

/** Makes a device with the account's next id. It has no logins and no pre-keys. The caller adds it to the account. */
export function newDevice(phone: Phone, { noiseKey, identityKey, platform, keys }: NewCompanion): Device {
  const id = phone.nextDevice++
  const linkedAt = new Date().toISOString()
  return { id, keyIndex: id, noiseKey, identityKey, platform, linkedAt, keys, preKeys: 0, lastPreKey: 0, logins: 0 }
}

async function isAcceptedByCompanion(
  world: World,
  registration: Registration,
  phone: Phone,
  device: Device,
  claim: DeviceClaim,
): Promise<boolean> {
  const { channel } = registration
  const flaw = take(phone, 'identityFlaw')
  const identity = signDeviceIdentity(claim, flaw === 'missing' ? undefined : flaw)
  const success = pairSuccess(phone, device, flaw === 'missing' ? undefined : identity)
  const answer = expectOf<BinaryNode>(channel.connection, world.timings.signatureTimeoutMs)
  registration.signature = { id: success.attrs['id'] ?? '', answer }
  channel.send(success)
  if (disrupted(phone, 'pair-success', channel)) return false

  const reply = await answer.outcome
  if (!reply) return false
  if (flaw) recordViolation(world, channel.connection, 'accepted-forged-account', flaw, phone.number)
  const countersigned = childBytes(getBinaryNodeChild(reply, 'pair-device-sign'), 'device-identity')
  if (countersigned && isCountersigned(claim, identity.details, countersigned)) return true
  recordViolation(world, channel.connection, 'bad-device-signature', 'pair-device-sign does not verify', phone.number)
  channel.connection.close()
  return false
}

function pairSuccess(phone: Phone, device: Device, identity: DeviceIdentity | undefined): BinaryNode {
  const jids = { jid: `${phone.number}:${device.id}@s.whatsapp.net`, lid: `${phone.lid}:${device.id}@lid` }
  const children = [stanza('device', jids), stanza('platform', { name: 'android' })]
  if (identity) children.unshift(stanza('device-identity', {}, identity.sent))
  return serverIq('md', stanza('pair-success', {}, children))
}

/** Ends the connection with 515, so that the device comes back with a login. */
function restart({ channel }: Registration, phone: Phone): void {
  if (disrupted(phone, 'signed', channel)) return
  const deviation = take(phone, 'withoutRestart')
  if (deviation === 'stay') return
  if (!deviation) channel.send(streamError(515))
  channel.connection.close()
}
