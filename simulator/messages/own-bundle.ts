import type { BinaryNode } from '@whiskeysockets/baileys'
import { stanza } from '../wire/stanzas.ts'
import type { Sender } from './post-office.ts'

const keyType = Buffer.from([5])

/** Returns the keys of a phone, as the service gives them to a device that wants to write to it. */
export function bundleOf({ keys }: Sender, jid: string): BinaryNode {
  const { identity, registrationId } = keys
  const signedPreKey = keys.signedPreKey()
  return stanza('user', { jid }, [
    stanza('registration', {}, bigEndian(registrationId, 4)),
    stanza('type', {}, keyType),
    stanza('identity', {}, Buffer.from(identity.pubKey.subarray(1))),
    stanza('skey', {}, [
      stanza('id', {}, bigEndian(signedPreKey.keyId, 3)),
      stanza('value', {}, Buffer.from(signedPreKey.keyPair.pubKey.subarray(1))),
      stanza('signature', {}, Buffer.from(signedPreKey.signature)),
    ]),
  ])
}

function bigEndian(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}
