import { createHash } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import { type Device, lidOf, type Phone } from '../phone/phone.ts'
import { encryptFor } from './direct.ts'
import { dispatch, type SendTo, type Sent } from './dispatch.ts'
import { encOf, peerMessage } from './envelope.ts'
import { inOrder, type Mailing, newMessageId, type Sender, senderOf } from './post-office.ts'

/** Data about the account that a phone sends to its devices. */
export type BookOrder = {
  readonly phone: Phone
  readonly devices: readonly Device[]
  /** Number of contacts whose LIDs are told. */
  readonly contacts: number
  /** Number of keys of the app state. */
  readonly keys: number
  readonly wait: boolean
}

const firstContact = 79_300_000_000

/** The number of a contact in every address book. */
export const contactNumber = (index: number): string => String(firstContact + index)

/** Sends the keys of the app state and the address book, each as one message of the phone to its devices. */
export async function sendAddressBook(mailing: Mailing, order: BookOrder): Promise<Sent> {
  const messages = [
    ...(order.keys > 0 ? [keyShare(order)] : []),
    ...(order.contacts > 0 ? [mappings(order.contacts)] : []),
  ]
  const pace = { count: messages.length, ratePerSecond: undefined, wait: order.wait }
  const phone = senderOf(mailing, order.phone.number)
  return dispatch(mailing, pace, async (index, send) => {
    const id = newMessageId()
    await inOrder(phone, () => sendToOwn(mailing, phone, order.devices, id, messages[index] ?? {}, send))
    return id
  })
}

async function sendToOwn(
  mailing: Mailing,
  phone: Sender,
  devices: readonly Device[],
  id: string,
  protocolMessage: proto.Message.IProtocolMessage,
  send: SendTo,
): Promise<void> {
  for (const device of devices) {
    const enc = encOf(await encryptFor(mailing, phone, device, { protocolMessage }))
    send(device, 'peer', peerMessage(phone, id, enc))
  }
}

function keyShare({ phone, keys }: BookOrder): proto.Message.IProtocolMessage {
  const share = Array.from({ length: keys }, (_, index) => ({
    keyId: { keyId: Buffer.from([0, 0, 0, 0, index >> 8, index & 0xff]) },
    keyData: {
      keyData: createHash('sha256').update(phone.identity.seed).update(String(index)).digest(),
      fingerprint: { rawId: 1, currentIndex: 1, deviceIndexes: [0] },
      timestamp: 1,
    },
  }))
  return {
    type: proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE,
    appStateSyncKeyShare: { keys: share },
  }
}

function mappings(contacts: number): proto.Message.IProtocolMessage {
  const pnToLidMappings = Array.from({ length: contacts }, (_, index) => ({
    pn: Number(contactNumber(index)),
    assignedLid: Number(lidOf(contactNumber(index))),
  }))
  const payload = { pnToLidMappings, chatDbMigrationTimestamp: 1 }
  return {
    type: proto.Message.ProtocolMessage.Type.LID_MIGRATION_MAPPING_SYNC,
    lidMigrationMappingSyncMessage: {
      encodedMappingPayload: proto.LIDMigrationMappingSyncPayload.encode(payload).finish(),
    },
  }
}
