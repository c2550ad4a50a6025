import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Device } from '../phone/phone.ts'
import { directEncs } from './direct.ts'
import { dispatch, type Sent } from './dispatch.ts'
import { directMessage, groupJid, groupMessage, ownMessage, pnOf } from './envelope.ts'
import { groupEncs } from './group.ts'
import type { Order } from './order.ts'
import { inOrder, type Mailing, newMessageId, type Sender, senderOf } from './post-office.ts'

type Addressed = readonly [Device, BinaryNode]

/** Sends the messages of an order. */
export function send(mailing: Mailing, order: Order): Promise<Sent> {
  const stanzasOf = order.kind === 'direct' ? directStanzas : groupStanzas
  return dispatch(mailing, order, async (index, sendTo) => {
    const sender = senderOf(mailing, order.from[index % order.from.length] ?? '')
    const id = newMessageId()
    const text = order.count === 1 ? order.text : `${order.text} ${index + 1}`
    await inOrder(sender, async () => {
      for (const [device, stanza] of await stanzasOf(mailing, order, sender, id, text)) {
        sendTo(device, order.flaw ?? order.kind, stanza, {
          onDelivered: () => confirm(sender, device),
          onRetry: () => {
            if (!order.flaw) forget(sender, device)
          },
        })
      }
    })
    return id
  })
}

/** The device has decrypted a message, so it has the session too. */
function confirm(sender: Sender, device: Device): void {
  const conversation = sender.conversations.get(device)
  if (conversation) conversation.isConfirmed = true
}

/** The device has lost what it needs: the sender's next message begins a new session, and tells the group key. */
function forget(sender: Sender, device: Device): void {
  sender.conversations.delete(device)
  for (const key of sender.groupKeys.values()) key.told.delete(device)
}

async function directStanzas(
  mailing: Mailing,
  order: Order,
  sender: Sender,
  id: string,
  text: string,
): Promise<Addressed[]> {
  const { phone, devices, to } = order
  const stanzas: Addressed[] = []
  const isOwn = sender.number === phone.number
  const message = isOwn
    ? { deviceSentMessage: { destinationJid: pnOf(to ?? ''), message: { conversation: text } } }
    : { conversation: text }
  for (const device of devices) {
    const encs = await directEncs(mailing, sender, device, order, id, message)
    const stanza = isOwn ? ownMessage(sender, id, to ?? '', encs) : directMessage(sender, { ...order, id }, encs)
    stanzas.push([device, stanza])
  }
  return stanzas
}

async function groupStanzas(
  mailing: Mailing,
  order: Order,
  sender: Sender,
  id: string,
  text: string,
): Promise<Addressed[]> {
  const group = groupJid(order.group)
  const encs = await groupEncs(mailing, sender, group, order, id, { conversation: text })
  return encs.map(([device, parts]) => [device, groupMessage(sender, { ...order, id }, group, parts)] as const)
}
