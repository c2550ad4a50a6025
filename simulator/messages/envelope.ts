import { type BinaryNode, proto } from '@whiskeysockets/baileys'
import { nowSeconds, stanza } from '../wire/stanzas.ts'
import type { Ciphertext } from './conversation.ts'
import type { Sender } from './post-office.ts'

/** Name of the sender: its number, or its LID. */
export type Addressing = 'pn' | 'lid'

/** The outside of a message. */
export type Envelope = {
  readonly id: string
  readonly addressing: Addressing
  /** Whether the other name of the sender is given as well. Without it, devices ask the service. */
  readonly alternative: boolean
}

const broadcast = 'status@broadcast'

export const pnOf = (number: string): string => `${number}@s.whatsapp.net`
const lidJidOf = (lid: string): string => `${lid}@lid`

/** Makes a message of a contact to the account. */
export function directMessage(sender: Sender, envelope: Envelope, encs: readonly BinaryNode[]): BinaryNode {
  const { own, other } = namesOf(sender, envelope)
  const alternative = envelope.addressing === 'pn' ? { sender_lid: other } : { sender_pn: other }
  const attrs = { from: own, ...common(envelope, sender), ...(envelope.alternative && alternative) }
  return stanza('message', attrs, [...encs])
}

/** Makes a message to a group, or a status if the group is {@link broadcast}. */
export function groupMessage(
  sender: Sender,
  envelope: Envelope,
  group: string,
  encs: readonly BinaryNode[],
): BinaryNode {
  const { own, other } = namesOf(sender, envelope)
  const alternative = envelope.addressing === 'pn' ? { participant_lid: other } : { participant_pn: other }
  const attrs = {
    from: group,
    participant: own,
    ...common(envelope, sender),
    addressing_mode: envelope.addressing,
    ...(envelope.alternative && alternative),
  }
  return stanza('message', attrs, [...encs])
}

/** Makes a message that the account's phone has sent to a contact, for the account's devices. */
export function ownMessage(sender: Sender, id: string, recipient: string, encs: readonly BinaryNode[]): BinaryNode {
  const attrs = { from: pnOf(sender.number), recipient: pnOf(recipient), id, type: 'text', t: nowSeconds() }
  return stanza('message', attrs, [...encs])
}

/** Makes a message of the account's phone that only its devices see, such as keys. */
export function peerMessage(sender: Sender, id: string, enc: BinaryNode): BinaryNode {
  const attrs = { from: pnOf(sender.number), id, type: 'text', category: 'peer', t: nowSeconds() }
  return stanza('message', attrs, [enc])
}

/** Makes the part of a message that is encrypted. */
export function encOf({ type, body }: Ciphertext): BinaryNode {
  return stanza('enc', { v: '2', type }, body)
}

/** Encodes a message and pads it with 1 to 16 bytes, each of which is the number of them. */
export function padded(message: proto.IMessage): Buffer {
  const bytes = proto.Message.encode(message).finish()
  const length = 1 + (bytes.length % 16)
  return Buffer.concat([bytes, Buffer.alloc(length, length)])
}

/** The JID of a group, or of the status. */
export const groupJid = (group: string | undefined): string => (group === undefined ? broadcast : `${group}@g.us`)

function common({ id }: Envelope, { number }: Sender) {
  return { id, type: 'text', t: nowSeconds(), notify: `Contact ${number.slice(-4)}` }
}

function namesOf({ number, lid }: Sender, { addressing }: Envelope): { own: string; other: string } {
  return addressing === 'pn' ? { own: pnOf(number), other: lidJidOf(lid) } : { own: lidJidOf(lid), other: pnOf(number) }
}
