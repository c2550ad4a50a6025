import { type BinaryNode, decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import type { Transport } from '../crypto/noise.ts'
import type { Connection } from './connection.ts'

/** A connection after its handshake: what travels are stanzas, encrypted. */
export type Channel = {
  readonly connection: Connection
  send(stanza: BinaryNode): void
  /** Sends bytes, encrypted but not encoded, so that the client decrypts something it cannot read. */
  sendPlaintext(bytes: Uint8Array): void
  /** The next stanza; undefined once the connection is over. Throws on a frame that cannot be read. */
  receive(): Promise<BinaryNode | undefined>
}

/** Puts the transport ciphers of a finished handshake to work. */
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
