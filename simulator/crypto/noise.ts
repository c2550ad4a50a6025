import { deriveKey, seal, sha256, unseal } from './symmetric.ts'
import { generateKeyPair, type KeyPair, sharedSecret } from './x25519.ts'

/** The server's side of Noise_XX_25519_AESGCM_SHA256, as WhatsApp uses it. */
export type NoiseServer = {
  /** Answers the client's ephemeral key with the server's own keys and its certificate. */
  serverHello(clientEphemeral: Uint8Array, certificate: Uint8Array): ServerHello
  /** Decrypts the client's last message and derives the transport keys. Throws when the message cannot be decrypted. */
  clientFinish(sealedStatic: Uint8Array, sealedPayload: Uint8Array): ClientFinish
}

/** The server's message: `e, ee, s, es` and the certificate. */
export type ServerHello = {
  readonly ephemeral: Buffer
  readonly static: Buffer
  readonly payload: Buffer
}

/** The client's last message, decrypted: `s, se` and its payload. */
export type ClientFinish = {
  readonly clientStatic: Buffer
  readonly payload: Buffer
  readonly transport: Transport
}

/** The two one-way ciphers that carry stanzas once the handshake is done. */
export type Transport = {
  encrypt(plaintext: Uint8Array): Buffer
  decrypt(ciphertext: Buffer): Buffer
}

// The name is exactly as long as a hash, so Noise uses it as it is instead of hashing it.
const protocolName = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')

/** Starts a handshake. The prologue is the WA header that every connection begins with. */
export function startNoiseServer(staticKey: KeyPair, prologue: Uint8Array): NoiseServer {
  const state = symmetricState(prologue)
  const ephemeral = generateKeyPair()

  return {
    serverHello(clientEphemeral, certificate) {
      state.mixHash(clientEphemeral)
      state.mixHash(ephemeral.public)
      state.mixKey(sharedSecret(ephemeral.private, clientEphemeral))
      const sealedStatic = state.seal(staticKey.public)
      state.mixKey(sharedSecret(staticKey.private, clientEphemeral))
      return { ephemeral: ephemeral.public, static: sealedStatic, payload: state.seal(certificate) }
    },
    clientFinish(sealedStatic, sealedPayload) {
      const clientStatic = state.unseal(Buffer.from(sealedStatic))
      state.mixKey(sharedSecret(ephemeral.private, clientStatic))
      const payload = state.unseal(Buffer.from(sealedPayload))
      return { clientStatic, payload, transport: state.split() }
    },
  }
}

function symmetricState(prologue: Uint8Array) {
  let chainingKey: Buffer = protocolName
  let key: Buffer = protocolName
  let hash = sha256(protocolName, prologue)
  // Both directions share the counter. It restarts only when a new key is mixed in.
  let counter = 0

  const mixHash = (data: Uint8Array) => {
    hash = sha256(hash, data)
  }
  return {
    mixHash,
    mixKey(secret: Buffer) {
      const derived = deriveKey(secret, 64, chainingKey)
      chainingKey = derived.subarray(0, 32)
      key = derived.subarray(32)
      counter = 0
    },
    seal(plaintext: Uint8Array) {
      const sealed = seal(key, nonce(counter++), plaintext, hash)
      mixHash(sealed)
      return sealed
    },
    unseal(sealed: Buffer) {
      const plaintext = unseal(key, nonce(counter++), sealed, hash)
      mixHash(sealed)
      return plaintext
    },
    split(): Transport {
      const keys = deriveKey(Buffer.alloc(0), 64, chainingKey)
      return transport(keys.subarray(0, 32), keys.subarray(32))
    },
  }
}

function transport(fromClient: Buffer, toClient: Buffer): Transport {
  let received = 0
  let sent = 0
  return {
    encrypt: (plaintext) => seal(toClient, nonce(sent++), plaintext),
    decrypt: (ciphertext) => unseal(fromClient, nonce(received++), ciphertext),
  }
}

function nonce(counter: number): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt32BE(counter, 8)
  return bytes
}
