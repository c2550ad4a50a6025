import { createHash, randomBytes } from 'node:crypto'
import { signingKeyFrom } from '../crypto/xeddsa.ts'
import { type Device, lidOf, type PhoneDirectory } from '../phone/phone.ts'
import { type Box, newBox } from './box.ts'
import { type Conversation, type SenderKeys, senderKeysOf } from './conversation.ts'
import type { GroupKey } from './group-key.ts'

/** The mail of all devices, and everybody who has sent some. */
export type PostOffice = {
  readonly boxes: WeakMap<Device, Box>
  /** Devices that know that few of their pre-keys are left. */
  readonly warned: WeakSet<Device>
  /** By number. */
  readonly senders: Map<string, Sender>
  /** Numbers of senders by LID. */
  readonly lids: Map<string, string>
  /** Identities of senders follow from it, so that they are the same after a restart. */
  readonly seed: Buffer
  /** Kinds of requests (xmlns) that get no answer, by the number of the account. */
  readonly unanswered: Map<string, readonly string[]>
  /** Aborted when the simulator stops. */
  readonly stopped: AbortController
}

/** The phones and the mail. */
export type Mailing = PhoneDirectory & { readonly mail: PostOffice }

/** A phone that sends: a contact, or the phone of the account itself. */
export type Sender = {
  readonly number: string
  readonly lid: string
  readonly keys: SenderKeys
  readonly conversations: WeakMap<Device, Conversation>
  /** By the JID of the group. */
  readonly groupKeys: Map<string, GroupKey>
  /** Resolves when the last message is sent. Two at once would use the same key of a session. */
  order: Promise<unknown>
}

/** Makes a post office without mail. */
export const newPostOffice = (seed: Buffer): PostOffice => ({
  boxes: new WeakMap(),
  warned: new WeakSet(),
  senders: new Map(),
  lids: new Map(),
  seed,
  unanswered: new Map(),
  stopped: new AbortController(),
})

/** Returns the box of a device. */
export function boxOf({ boxes }: PostOffice, device: Device): Box {
  const known = boxes.get(device)
  if (known) return known
  const box = newBox()
  boxes.set(device, box)
  return box
}

/** Returns the sender with this number. A contact needs no phone of its own: there may be 10,000. */
export function senderOf({ mail, phones }: Mailing, number: string): Sender {
  const known = mail.senders.get(number)
  if (known) return known
  const seed = createHash('sha256').update(mail.seed).update(number).digest()
  const identity = phones.get(number)?.identity ?? signingKeyFrom(seed)
  const sender: Sender = {
    number,
    lid: lidOf(number),
    keys: senderKeysOf(identity),
    conversations: new WeakMap(),
    groupKeys: new Map(),
    order: Promise.resolve(),
  }
  mail.senders.set(number, sender)
  mail.lids.set(sender.lid, number)
  return sender
}

/** Returns the number that a JID belongs to. A LID is known once its account has sent something, or has a phone. */
export function numberOf({ mail, phones }: Mailing, jid: string): string | undefined {
  const [, user = '', server] = /^(\d+)(?::\d+)?@(s\.whatsapp\.net|lid)$/.exec(jid) ?? []
  if (server !== 'lid') return user || undefined
  return mail.lids.get(user) ?? [...phones.values()].find(({ lid }) => lid === user)?.number
}

/** Runs `work` when everything before it is done for this sender. */
export function inOrder<T>(sender: Sender, work: () => Promise<T>): Promise<T> {
  const result = sender.order.then(work)
  sender.order = result.catch(() => {})
  return result
}

/** Makes the id of a message, as phones do. */
export const newMessageId = (): string => `3A${randomBytes(9).toString('hex').toUpperCase()}`
