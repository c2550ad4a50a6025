import { accountOf, type Device, findDevice, type Phone } from '../phone/phone.ts'
import type { World } from '../service/world.ts'
import { type Reply, refused } from './reply.ts'

/** Calls `act` with the devices of an account that can be written to: one, or all. */
export function forDevices(
  world: World,
  number: string,
  id: number | undefined,
  act: (phone: Phone, devices: readonly Device[]) => Reply | Promise<Reply>,
): Reply | Promise<Reply> {
  const phone = accountOf(world, number)
  const devices = id === undefined ? phone.devices : [findDevice(phone, id)].flatMap((device) => device ?? [])
  if (devices.length === 0) return refused({ field: 'device', message: 'no such device' })
  if (devices.some(({ keys }) => !keys))
    return refused({ field: 'device', message: 'the device was linked without keys' })
  return act(phone, devices)
}
