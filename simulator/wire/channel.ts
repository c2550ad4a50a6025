import { type BinaryNode, decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import type { Transport } from '../crypto/noise.ts'
import type { Connection } from './connection.ts'

/** A connection after its handshake, as a stream of encrypted stanzas. */
export type Channel = {
  readonly connection: Connection
  send(stanza: BinaryNode): void
  /** Encrypts and sends bytes as they are, even if they encode no stanza. */
  sendPlaintext(bytes: Uint8Array): void
  /** Resolves with the next stanza, or undefined when the connection has ended. Rejects on an unreadable frame. */
  receive(): Promise<BinaryNode | undefined>
}

/** Makes a channel from the transport ciphers of a finished handshake. */
export function secureChannel(connection: Connection, transport: Transport): Channel {
  const sendPlaintext = (bytes: Uint8Array) => {
    if (connection.isOpen()) connection.sendFrame(transport.encrypt(bytes))
  }
  return {
    connection,
    sendPlaintext,
    send: (stanza) => sendPlaintext(encodeBinaryNode(stanza)),
    async receive() {
      const frame = await connection.receive()
      return frame && decodeBinaryNode(transport.decrypt(frame))
    },
  }
}
