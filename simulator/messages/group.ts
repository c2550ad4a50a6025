import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Device } from '../phone/phone.ts'
import { encryptFor, garbage } from './direct.ts'
import { encOf, padded } from './envelope.ts'
import { type GroupKey, newGroupKey } from './group-key.ts'
import type { Order } from './order.ts'
import type { Mailing, Sender } from './post-office.ts'

/**
 * Returns the encrypted parts of a message to a group, for each device: the message, which is the same for all, and
 * before it the sender's key for those that have not been told.
 */
export async function groupEncs(
  mailing: Mailing,
  sender: Sender,
  group: string,
  { devices, flaw, unanswered }: Pick<Order, 'devices' | 'flaw' | 'unanswered'>,
  id: string,
  message: Parameters<typeof padded>[0],
): Promise<[Device, BinaryNode[]][]> {
  if (flaw === 'absent') return devices.map((device) => [device, []])
  if (flaw === 'garbage') return devices.map((device) => [device, [encOf({ type: 'skmsg', body: garbage(id) })]])
  const key = flaw === 'unknown-sender-key' ? await untoldKey(sender, group) : groupKeyOf(sender, group)
  const distributions = new Map<Device, BinaryNode>()
  for (const device of flaw ? [] : devices) {
    if (key.told.has(device)) continue
    key.told.add(device)
    const senderKeyDistributionMessage = {
      groupId: group,
      axolotlSenderKeyDistributionMessage: await key.distribution(),
    }
    const told = await encryptFor(mailing, sender, device, { senderKeyDistributionMessage }, unanswered)
    distributions.set(device, encOf(told))
  }
  const enc = encOf(await key.encrypt(padded(message)))
  return devices.map((device) => [device, [distributions.get(device) ?? [], enc].flat()])
}

/** Makes a key that no device will learn. The sender's own key is not affected. */
async function untoldKey(sender: Sender, group: string): Promise<GroupKey> {
  const key = newGroupKey(sender.keys, group)
  await key.distribution()
  return key
}

function groupKeyOf(sender: Sender, group: string): GroupKey {
  const known = sender.groupKeys.get(group)
  if (known) return known
  const key = newGroupKey(sender.keys, group)
  sender.groupKeys.set(group, key)
  return key
}
