import { unacknowledged } from '../messages/box.ts'
import { boxOf } from '../messages/post-office.ts'
import type { Phone } from '../phone/phone.ts'
import type { World } from '../service/world.ts'

/** Returns the traffic of each device of a phone: what it was sent, what it answered, what it asked for. */
export function reportMessages({ mail }: World, phone: Phone) {
  return {
    phone: phone.number,
    devices: phone.devices.map((device) => {
      const box = boxOf(mail, device)
      return {
        device: device.id,
        preKeys: device.preKeys,
        waiting: box.waiting.size,
        unacknowledged: unacknowledged(box),
        ...box.record,
      }
    }),
  }
}
