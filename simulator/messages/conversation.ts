import {
  generateKeyPair,
  generateSignedPreKey,
  type KeyPair,
  ProtocolAddress,
  SessionBuilder,
  SessionCipher,
  type SignalStorage,
  type SignedPreKey,
} from 'whatsapp-rust-bridge'
import type { DeviceKeys, PreKey } from '../phone/device-keys.ts'

/** The Signal session of a sender with one device. Both directions share it. */
export type Conversation = {
  readonly cipher: SessionCipher
  /** True when the device has confirmed a message of this session, so that it must have the session too. */
  isConfirmed: boolean
  /** The last ciphertext that was sent, for a message whose counter was used before. */
  last: Ciphertext | undefined
}

/** An encrypted message, and its type on the wire. */
export type Ciphertext = {
  readonly type: 'pkmsg' | 'msg' | 'skmsg'
  readonly body: Uint8Array
}

/** The keys of a sender's own device. */
export type SenderKeys = {
  readonly identity: KeyPair
  readonly registrationId: number
  /** Made when a device first asks for it: only a sender that devices write to needs one. */
  readonly signedPreKey: () => SignedPreKey
}

/** The address of the device is local to the storage of a conversation, which has only one. */
const device = new ProtocolAddress('device', 0)
const keyType = Buffer.from([5])
const preKeyMessage = 3
/** The highest id that fits into three bytes. Baileys counts from 1 and does not get there. */
const unknownPreKeyId = 0xff_ff_ff

/** Makes the keys of a sender from an X25519 key pair. */
export function senderKeysOf(identity: { readonly private: Buffer; readonly public: Buffer }): SenderKeys {
  let signedPreKey: SignedPreKey | undefined
  const keyPair = { pubKey: withType(identity.public), privKey: identity.private }
  return {
    identity: keyPair,
    registrationId: identity.public.readUInt16BE(0) & 0x3fff,
    signedPreKey: () => {
      signedPreKey ??= generateSignedPreKey(keyPair, 1)
      return signedPreKey
    },
  }
}

/** Makes a conversation that the device begins. It can decrypt, and encrypt after that. */
export function newConversation(keys: SenderKeys): Conversation {
  return { cipher: new SessionCipher(storageFor(keys), device), isConfirmed: false, last: undefined }
}

/** Begins a conversation with a device. Without a one-time pre-key the signed one is enough. */
export async function beginConversation(
  sender: SenderKeys,
  { identityKey, keys }: { readonly identityKey: Buffer; readonly keys: DeviceKeys },
  preKey: PreKey | undefined,
): Promise<Conversation> {
  const storage = storageFor(sender)
  const { id, key, signature } = keys.signedPreKey
  await new SessionBuilder(storage, device).processPreKeyBundle({
    registrationId: keys.registrationId,
    identityKey: withType(identityKey),
    preKey: preKey && { keyId: preKey.id, publicKey: withType(preKey.key) },
    signedPreKey: { keyId: id, publicKey: withType(key), signature },
  })
  return { cipher: new SessionCipher(storage, device), isConfirmed: false, last: undefined }
}

/** Makes a pre-key that the device never had. */
export const unknownPreKey = (): PreKey => ({
  id: unknownPreKeyId,
  key: Buffer.from(generateKeyPair().pubKey.subarray(1)),
})

/**
 * Encrypts for the device. Signal repeats the pre-keys until the device answers, but devices that only listen never do:
 * a confirmed conversation leaves them out unless `unanswered` asks for them.
 */
export async function encrypt(
  conversation: Conversation,
  plaintext: Uint8Array,
  unanswered: boolean,
): Promise<Ciphertext> {
  const { type, body } = await conversation.cipher.encrypt(plaintext)
  const ciphertext: Ciphertext =
    type !== preKeyMessage
      ? { type: 'msg', body }
      : conversation.isConfirmed && !unanswered
        ? { type: 'msg', body: messageIn(body) }
        : { type: 'pkmsg', body }
  conversation.last = ciphertext
  return ciphertext
}

/** Decrypts a message of the device. Rejects when it cannot. */
export async function decrypt(conversation: Conversation, type: string, body: Uint8Array): Promise<Uint8Array> {
  const plaintext = await (type === 'pkmsg'
    ? conversation.cipher.decryptPreKeyWhisperMessage(body)
    : conversation.cipher.decryptWhisperMessage(body))
  conversation.isConfirmed = true
  return plaintext
}

/** Returns the message inside a pre-key message: field 4, after the version byte. */
function messageIn(preKeyMessage: Uint8Array): Uint8Array {
  let at = 1
  const readVarint = () => {
    let [value, shift, byte] = [0, 0, 0]
    do {
      byte = preKeyMessage[at++] ?? 0
      value |= (byte & 0x7f) << shift
      shift += 7
    } while (byte & 0x80)
    return value
  }
  while (at < preKeyMessage.length) {
    const tag = readVarint()
    const value = readVarint()
    const isBytes = (tag & 7) === 2
    if (tag >> 3 === 4) return preKeyMessage.subarray(at, at + value)
    if (isBytes) at += value
  }
  throw new Error('a pre-key message without a message')
}

function storageFor(keys: SenderKeys): SignalStorage {
  let session: Uint8Array | undefined
  return {
    loadSession: () => session,
    storeSession: (_address, record) => {
      session = record.serialize()
    },
    getOurIdentity: () => keys.identity,
    getOurRegistrationId: () => keys.registrationId,
    isTrustedIdentity: () => true,
    loadPreKey: () => undefined,
    removePreKey: () => {},
    loadSignedPreKey: keys.signedPreKey,
    loadSenderKey: () => undefined,
    storeSenderKey: () => {},
  }
}

const withType = (key: Uint8Array): Buffer => Buffer.concat([keyType, key])
