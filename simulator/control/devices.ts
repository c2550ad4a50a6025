import type { BadInput } from '../choice.ts'
import { type Device, findDevice, type Phone } from '../phone/phone.ts'

/** Returns the devices that can be written to: one, or all. */
export function devicesOf(phone: Phone, id: number | undefined): readonly Device[] | BadInput {
  const devices = id === undefined ? phone.devices : [findDevice(phone, id)].flatMap((device) => device ?? [])
  if (devices.length === 0) return { field: 'device', message: 'no such device' }
  if (devices.some(({ keys }) => !keys)) return { field: 'device', message: 'the device has been linked without keys' }
  return devices
}
