import { type BinaryNode, getBinaryNodeChild, proto } from '@whiskeysockets/baileys'
import { retry, settle } from '../messages/box.ts'
import { decrypt } from '../messages/conversation.ts'
import { conversationOf } from '../messages/direct.ts'
import { boxOf, inOrder, senderOf } from '../messages/post-office.ts'
import { count, keepPeerMessage } from '../messages/record.ts'
import { stanza } from '../wire/stanzas.ts'
import type { Session, World } from './world.ts'

/** Takes a device's acknowledgement of a stanza. One with an error ends the message for the service, too. */
export function takeAck(world: World, { device }: Session, ack: BinaryNode): BinaryNode[] {
  const { id = '', class: tag = '', type, error } = ack.attrs
  const box = boxOf(world.mail, device)
  if (error === undefined) count(box.record.acks, tag)
  else count(box.record.nacks, error)
  settle(box, tag, { id, by: 'ack', ...(type !== undefined && { type }), ...(error !== undefined && { error }) })
  return []
}

/** Takes a device's receipts, which acknowledge messages as well, unless they ask for them again. */
export function takeReceipt(world: World, { device }: Session, receipt: BinaryNode): BinaryNode[] {
  const { id = '', type, to = '', participant } = receipt.attrs
  const box = boxOf(world.mail, device)
  const more = getBinaryNodeChild(receipt, 'list')?.content
  const ids = [id, ...(Array.isArray(more) ? more.map(({ attrs }) => attrs['id'] ?? '') : [])]
  for (const each of ids) {
    count(box.record.receipts, type ?? 'delivered')
    if (type === 'retry') retry(box, each)
    else settle(box, 'message', { id: each, by: 'receipt', ...(type !== undefined && { type }) })
  }
  if (type === 'retry') count(box.record.retries, getBinaryNodeChild(receipt, 'retry')?.attrs['count'] ?? '')
  const attrs = { from: to, class: 'receipt', id, ...(type && { type }), ...(participant && { participant }) }
  return [stanza('ack', attrs)]
}

/** Keeps a message of a device to its own phone, which decrypts it. */
export function takePeerMessage(world: World, { phone, device }: Session, message: BinaryNode): void {
  if (message.attrs['category'] !== 'peer') return
  const { record } = boxOf(world.mail, device)
  const sender = senderOf(world, phone.number)
  const enc = getBinaryNodeChild(message, 'enc')
  const keep = (type: string) =>
    keepPeerMessage(record, { id: message.attrs['id'] ?? '', type, at: new Date().toISOString() })
  const body = enc?.content
  if (!(body instanceof Uint8Array)) {
    keep('nothing encrypted')
    return
  }
  void inOrder(sender, () => decrypt(conversationOf(sender, device), enc?.attrs['type'] ?? '', body)).then(
    (plaintext) => keep(kindOf(plaintext)),
    (error: unknown) => keep(`undecryptable: ${String(error)}`),
  )
}

function kindOf(plaintext: Uint8Array): string {
  const message = proto.Message.decode(plaintext.subarray(0, -(plaintext.at(-1) ?? 0)))
  const { protocolMessage } = message.deviceSentMessage?.message ?? message
  return proto.Message.ProtocolMessage.Type[protocolMessage?.type ?? -1] ?? 'no protocol message'
}
