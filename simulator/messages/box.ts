import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Channel } from '../wire/channel.ts'
import { stanza } from '../wire/stanzas.ts'
import { newRecord, type TrafficRecord } from './record.ts'

/** Stanzas that wait for a device or that it has not acknowledged, and its counters. */
export type Box = {
  /** In order, by {@link keyOf}. */
  readonly waiting: Map<string, Item>
  /** The device's connection while it takes messages. */
  channel: Channel | undefined
  readonly record: TrafficRecord
}

/** A message, receipt or notification for a device. */
type Item = Posting & {
  readonly stanza: BinaryNode
  /** True when it was sent on the present connection. */
  isSent: boolean
  sentAt: number
}

/** Callbacks of the sender of a stanza. */
export type Posting = {
  /** Called when the device has decrypted the message. */
  readonly onDelivered?: () => void
  /** Called when the device asks for the message again. */
  readonly onRetry?: () => void
  readonly onAnswer?: ((answer: Answer) => void) | undefined
}

/** A device's answer to a message. `afterMs` counts from when the message was sent last. */
export type Answer = {
  readonly id: string
  /** `receipt` is the good end. `ack` without `error` is one, too. */
  readonly by: 'receipt' | 'ack' | 'dropped'
  readonly type?: string
  readonly error?: string
  readonly afterMs: number
}

/** The most that waits for a device. WhatsApp has a limit as well; the oldest are lost first. */
const maxWaiting = 20_000

/** Makes the box of a device that has just been linked. */
export const newBox = (): Box => ({ waiting: new Map(), channel: undefined, record: newRecord() })

/** Sends a stanza to the device, now or when it is back. */
export function post(box: Box, node: BinaryNode, posting: Posting = {}): void {
  const item: Item = { ...posting, stanza: node, isSent: false, sentAt: performance.now() }
  box.waiting.set(keyOf(node.tag, node.attrs['id'], node.attrs['type']), item)
  if (box.waiting.size > maxWaiting) dropOldest(box)
  if (!box.channel) return
  item.isSent = true
  box.channel.send(node)
}

/** Sends everything that waits to a device that is back. Returns the number of stanzas. */
export function openBox(box: Box, channel: Channel): number {
  box.channel = channel
  channel.connection.onClosed(() => {
    // A replaced connection may close after the new one has taken everything over.
    if (box.channel !== channel) return
    box.channel = undefined
    for (const item of box.waiting.values()) item.isSent = false
  })
  let count = 0
  for (const item of box.waiting.values()) {
    const { tag, attrs, content } = item.stanza
    item.isSent = true
    item.sentAt = performance.now()
    channel.send(stanza(tag, { ...attrs, offline: String(count++) }, content))
  }
  return count
}

/** Takes an answer of the device. Answers to what does not wait, or no longer, have no effect. */
export function settle(box: Box, tag: string, answer: Omit<Answer, 'afterMs'>): void {
  const key = keyOf(tag, answer.id, answer.type)
  const item = box.waiting.get(key)
  if (!item) return
  box.waiting.delete(key)
  if (answer.by === 'receipt') item.onDelivered?.()
  item.onAnswer?.({ ...answer, afterMs: performance.now() - item.sentAt })
}

/** Takes a device's request to send a message again. The message waits until the device acknowledges it. */
export function retry({ waiting }: Box, id: string): void {
  waiting.get(keyOf('message', id))?.onRetry?.()
}

/** Drops everything that waits for a device which is gone. */
export function emptyBox(box: Box): void {
  while (box.waiting.size > 0) dropOldest(box)
}

/** Number of stanzas that were sent on the present connection and that the device has not acknowledged. */
export const unacknowledged = ({ waiting }: Box): number => {
  let count = 0
  for (const { isSent } of waiting.values()) if (isSent) count += 1
  return count
}

function dropOldest(box: Box): void {
  for (const [key, { onAnswer, stanza: node }] of box.waiting) {
    box.waiting.delete(key)
    box.record.dropped += 1
    onAnswer?.({ id: node.attrs['id'] ?? '', by: 'dropped', afterMs: 0 })
    return
  }
}

/** A message may have several receipts, which differ by type. The type of another answer is not that of its stanza. */
const keyOf = (tag: string, id = '', type = ''): string => (tag === 'receipt' ? `${tag} ${id} ${type}` : `${tag} ${id}`)
