import * as v from 'valibot'
import { signDeviceIdentity } from '../crypto/device-identity.ts'
import { lidOf, phoneOf } from '../phone/phone.ts'
import { newDevice } from '../service/linking.ts'
import type { World } from '../service/world.ts'
import { type Body, done, parsed, type Reply } from './reply.ts'

const Key = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{64}$/, 'must be 32 bytes in hex'),
  v.transform((hex) => Buffer.from(hex, 'hex')),
)
const Signature = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{128}$/, 'must be 64 bytes in hex'),
  v.transform((hex) => Buffer.from(hex, 'hex')),
)
const Count = v.pipe(v.number(), v.integer(), v.minValue(0))
const Companion = v.object({
  noiseKey: Key,
  identityKey: Key,
  advSecret: Key,
  /** Number of pre-keys that count as uploaded; `lastPreKey` is the highest id among them. */
  preKeys: Count,
  lastPreKey: Count,
  /** Without them, nobody can write to the device. */
  keys: v.exactOptional(
    v.object({
      registrationId: Count,
      signedPreKey: v.object({ id: Count, key: Key, signature: Signature }),
      preKeys: v.array(v.object({ id: Count, key: Key })),
    }),
  ),
})

/**
 * Links a companion that is not connected. The device exists at once, its pre-keys count as uploaded, and the answer
 * has the contents of pair-success. A real link costs half a second of CPU, so runs that begin with hundreds of devices
 * use this route.
 */
export function linkDevice(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Companion, body, ({ noiseKey, identityKey, advSecret, preKeys, lastPreKey, keys: given }) => {
    const phone = phoneOf(world, number)
    const keys = given && { ...given, preKeys: new Map(given.preKeys.map(({ id, key }) => [id, key])) }
    const companion = { noiseKey, identityKey, platform: 'CHROME (Ubuntu)', keys }
    const device = { ...newDevice(phone, companion), preKeys, lastPreKey }
    const claim = { primaryIdentity: phone.identity, companionIdentity: identityKey, advSecret }
    const { sent } = signDeviceIdentity({ ...claim, keyIndex: device.keyIndex })
    phone.devices.push(device)
    world.save()
    return done({
      jid: `${number}:${device.id}@s.whatsapp.net`,
      lid: `${lidOf(number)}:${device.id}@lid`,
      deviceIdentity: Buffer.from(sent).toString('base64'),
    })
  })
}
