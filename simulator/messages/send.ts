import { setTimeout as delay } from 'node:timers/promises'
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Device } from '../phone/phone.ts'
import { type Answer, post } from './box.ts'
import { directEncs } from './direct.ts'
import { directMessage, groupJid, groupMessage, ownMessage, pnOf } from './envelope.ts'
import { groupEncs } from './group.ts'
import type { Order } from './order.ts'
import { boxOf, inOrder, type Mailing, newMessageId, type Sender, senderOf } from './post-office.ts'
import { count } from './record.ts'

/** The ids of the messages that were sent. `answers` is empty unless the order waits for them. */
export type Sent = {
  readonly ids: readonly string[]
  readonly answers: readonly (Answer & { readonly device: number })[]
}

/** Sends the messages of an order. Resolves when the last one is on its way, or answered if the order waits. */
export async function send(mailing: Mailing, order: Order): Promise<Sent> {
  const ids: string[] = []
  const answers: Promise<Answer & { device: number }>[] = []
  const startedAt = performance.now()
  const { signal } = mailing.mail.stopped
  for (let index = 0; index < order.count && !signal.aborted; index++) {
    if (order.ratePerSecond !== undefined) await untilTime(startedAt + (index * 1000) / order.ratePerSecond, signal)
    const sender = senderOf(mailing, order.from[index % order.from.length] ?? '')
    const id = newMessageId()
    const text = order.count === 1 ? order.text : `${order.text} ${index + 1}`
    ids.push(id)
    await inOrder(sender, () => sendOne(mailing, order, sender, id, text, answers))
  }
  return { ids, answers: order.wait ? await Promise.all(answers) : [] }
}

async function sendOne(
  mailing: Mailing,
  order: Order,
  sender: Sender,
  id: string,
  text: string,
  answers: Promise<Answer & { device: number }>[],
): Promise<void> {
  const stanzas = await (order.kind === 'direct'
    ? directStanzas(mailing, order, sender, id, text)
    : groupStanzas(mailing, order, sender, id, text))
  for (const [device, stanza] of stanzas) {
    const box = boxOf(mailing.mail, device)
    count(box.record.sent, order.flaw ?? order.kind)
    const { promise, resolve } = Promise.withResolvers<Answer & { device: number }>()
    if (order.wait) answers.push(promise)
    post(box, stanza, {
      onDelivered: () => confirm(sender, device),
      ...(order.wait && { onAnswer: (answer) => resolve({ device: device.id, ...answer }) }),
    })
  }
}

/** The device has decrypted a message, so it has the session too. */
function confirm(sender: Sender, device: Device): void {
  const conversation = sender.conversations.get(device)
  if (conversation) conversation.isConfirmed = true
}

type Addressed = readonly [Device, BinaryNode]

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

async function untilTime(at: number, signal: AbortSignal): Promise<void> {
  const ms = at - performance.now()
  if (ms > 0) await delay(ms, undefined, { ref: false, signal }).catch(() => {})
}
