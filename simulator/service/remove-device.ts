import { emptyBox } from '../messages/box.ts'
import { boxOf } from '../messages/post-office.ts'
import type { Device, Phone } from '../phone/phone.ts'
import { sendRemoved } from '../wire/disruptions.ts'
import { sessionKey, type World } from './world.ts'

/** Removes a device from the account. A device that is online gets a stream error and is disconnected. */
export function removeDevice(world: World, phone: Phone, device: Device, by: 'phone' | 'companion'): void {
  phone.devices = phone.devices.filter((other) => other !== device)
  world.save()
  world.emit({ type: 'unlinked', phone: phone.number, device: device.id, by })
  emptyBox(boxOf(world.mail, device))
  const session = world.sessions.get(sessionKey(phone.number, device.id))
  if (session) sendRemoved(session.channel)
}
