import { createHash } from 'node:crypto'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { takePreKey } from '../phone/device-keys.ts'
import type { Device } from '../phone/phone.ts'
import {
  beginConversation,
  type Ciphertext,
  type Conversation,
  encrypt,
  newConversation,
  unknownPreKey,
} from './conversation.ts'
import { encOf, padded } from './envelope.ts'
import type { Order } from './order.ts'
import type { Mailing, Sender } from './post-office.ts'
import { warnOfFewPreKeys } from './pre-key-warning.ts'

type Plaintext = Parameters<typeof padded>[0]

/** Returns the encrypted parts of a direct message to one device. */
export async function directEncs(
  mailing: Mailing,
  sender: Sender,
  device: Device,
  { flaw, unanswered }: Pick<Order, 'flaw' | 'unanswered'>,
  id: string,
  message: Plaintext,
): Promise<BinaryNode[]> {
  switch (flaw) {
    case 'absent':
      return []
    case 'garbage':
      return [encOf({ type: 'msg', body: garbage(id) })]
    case 'unknown-pre-key':
      return [encOf(await encryptWithUnknownPreKey(sender, device, message))]
    case 'counter-again': {
      const last = sender.conversations.get(device)?.last
      return last ? [encOf(last)] : []
    }
    default:
      return [encOf(await encryptFor(mailing, sender, device, message, unanswered))]
  }
}

/** Encrypts for one device, and begins the conversation if there is none. */
export async function encryptFor(
  mailing: Mailing,
  sender: Sender,
  device: Device,
  message: Plaintext,
  unanswered = false,
): Promise<Ciphertext> {
  const conversation = sender.conversations.get(device) ?? (await begin(mailing, sender, device))
  return encrypt(conversation, padded(message), unanswered)
}

/** Returns the conversation in which a device's message is decrypted. */
export function conversationOf(sender: Sender, device: Device): Conversation {
  const known = sender.conversations.get(device)
  if (known) return known
  const conversation = newConversation(sender.keys)
  sender.conversations.set(device, conversation)
  return conversation
}

/** Bytes that look like a message of version 3, and always the same for an id. */
export function garbage(id: string): Buffer {
  return Buffer.concat([Buffer.from([0x33]), createHash('sha512').update(id).digest()])
}

async function begin(mailing: Mailing, sender: Sender, device: Device): Promise<Conversation> {
  const preKey = device.keys && takePreKey(device.keys)
  if (preKey) device.preKeys -= 1
  const conversation = await beginConversation(sender.keys, keysOf(device), preKey)
  sender.conversations.set(device, conversation)
  if (preKey) warnOfFewPreKeys(mailing, device)
  return conversation
}

async function encryptWithUnknownPreKey(sender: Sender, device: Device, message: Plaintext): Promise<Ciphertext> {
  const conversation = await beginConversation(sender.keys, keysOf(device), unknownPreKey())
  return encrypt(conversation, padded(message), true)
}

function keysOf({ keys, identityKey }: Device) {
  if (!keys) throw new Error('a device without keys cannot be written to')
  return { keys, identityKey }
}
