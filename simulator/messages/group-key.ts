import {
  GroupCipher,
  GroupSessionBuilder,
  ProtocolAddress,
  SenderKeyName,
  type SignalStorage,
} from 'whatsapp-rust-bridge'
import type { Device } from '../phone/phone.ts'
import type { Ciphertext, SenderKeys } from './conversation.ts'

/** A sender's key for one group, or for its status. */
export type GroupKey = {
  readonly encrypt: (plaintext: Uint8Array) => Promise<Ciphertext>
  /** Returns the key, from the next message on, as it is told to a device. */
  readonly distribution: () => Promise<Uint8Array>
  /** Devices that have been told. */
  readonly told: WeakSet<Device>
}

/** Makes a sender's key for a group. */
export function newGroupKey(sender: SenderKeys, group: string): GroupKey {
  const address = new ProtocolAddress('sender', 0)
  const storage = storageFor(sender)
  const cipher = new GroupCipher(storage, group, address)
  const builder = new GroupSessionBuilder(storage)
  return {
    encrypt: async (plaintext) => ({ type: 'skmsg', body: await cipher.encrypt(plaintext) }),
    distribution: async () => (await builder.create(new SenderKeyName(group, address))).serialize(),
    told: new WeakSet(),
  }
}

function storageFor({ identity, registrationId }: SenderKeys): SignalStorage {
  let key: Uint8Array | undefined
  return {
    loadSenderKey: () => key,
    storeSenderKey: (_id, record) => {
      key = record
    },
    getOurIdentity: () => identity,
    getOurRegistrationId: () => registrationId,
    loadSession: () => undefined,
    storeSession: () => {},
    isTrustedIdentity: () => true,
    loadPreKey: () => undefined,
    removePreKey: () => {},
    loadSignedPreKey: () => undefined,
  }
}
