/** Companies with Baileys' own Signal repository over rows in memory, and a customer who writes to them. */
import { createRequire } from 'node:module'
import { addTransactionCapability, DEFAULT_CONNECTION_CONFIG, initAuthCreds } from '@whiskeysockets/baileys'
import { currentSocket } from '../../../../socket-host/whatsapp/current-socket.ts'
import { memoryAuth } from '../../../fakes/memory-auth.ts'
import { silentLogger } from '../../../fakes/silent-logger.ts'

type KeyPair = { pubKey: Buffer; privKey: Buffer }
type Session = object
type Storage = {
  loadSession(address: string): Promise<Session | undefined>
  storeSession(address: string, session: Session): Promise<void>
  isTrustedIdentity(): boolean
  getOurIdentity(): KeyPair
  getOurRegistrationId(): number
}
type Address = { toString(): string }
type Bundle = {
  registrationId: number
  identityKey: Buffer
  signedPreKey: { keyId: number; publicKey: Buffer; signature: Uint8Array }
  preKey: { keyId: number; publicKey: Buffer }
}

/** The libsignal that Baileys uses. */
export const libsignal: {
  ProtocolAddress: new (name: string, device: number) => Address
  SessionBuilder: new (storage: Storage, address: Address) => { initOutgoing(bundle: Bundle): Promise<void> }
  SessionCipher: new (
    storage: Storage,
    address: Address,
  ) => {
    encrypt(data: Buffer): Promise<{ type: 1 | 3; body: Uint8Array }>
    hasOpenSession(): Promise<boolean>
  }
  curve: {
    generateKeyPair(): KeyPair
    calculateSignature(privateKey: Buffer, message: Uint8Array): Buffer
    verifySignature(publicKey: Buffer, message: Uint8Array, signature: Uint8Array, isInit?: boolean): boolean
  }
  keyhelper: { generatePreKey(id: number): { keyId: number; keyPair: KeyPair } }
} = createRequire(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))('libsignal')

export const typed = (key: Uint8Array) => Buffer.concat([Buffer.of(5), key])

export type Company = ReturnType<typeof company>
export type Held = { readonly reached: Promise<void>; answer(): void }

/** A company whose Signal work runs for the given socket. */
export function company(socket: number) {
  const creds = initAuthCreds()
  const { store, ...rows } = watchedRows()
  const keys = addTransactionCapability(store, silentLogger, { maxCommitRetries: 1, delayBetweenTriesMs: 0 })
  const { makeSignalRepository } = DEFAULT_CONNECTION_CONFIG
  const repository = makeSignalRepository({ creds, keys }, silentLogger, async () => undefined)
  return {
    ...rows,
    repository,
    decrypt: (jid: string, { type, body }: { type: 1 | 3; body: Uint8Array }) =>
      currentSocket.run(socket, () =>
        repository.decryptMessage({ jid, type: type === 3 ? 'pkmsg' : 'msg', ciphertext: Buffer.from(body) }),
      ),
    begin: (jid: string, session: Bundle) =>
      currentSocket.run(socket, () => repository.injectE2ESession({ jid, session })),
    /** Adds a pre-key and returns what WhatsApp would hand to a sender. */
    async bundle(): Promise<Bundle> {
      const { keyId, keyPair } = libsignal.keyhelper.generatePreKey(7)
      await keys.set({ 'pre-key': { [keyId]: { private: keyPair.privKey, public: keyPair.pubKey.subarray(1) } } })
      rows.writes.length = 0
      const { signedIdentityKey, signedPreKey, registrationId } = creds
      const publicKey = typed(signedPreKey.keyPair.public)
      return {
        registrationId,
        identityKey: typed(signedIdentityKey.public),
        signedPreKey: { keyId: signedPreKey.keyId, publicKey, signature: signedPreKey.signature },
        preKey: { keyId, publicKey: keyPair.pubKey },
      }
    },
  }
}

/** Rows in memory that record their writes, and can hold a read. */
function watchedRows() {
  const { keys: rows } = memoryAuth()
  const writes: string[][] = []
  let beforeSessionRead = async (): Promise<void> => {}
  const store: typeof rows = {
    async get(type, ids) {
      if (type === 'session') await beforeSessionRead()
      return rows.get(type, ids)
    },
    async set(data) {
      writes.push(Object.keys(data).toSorted())
      await rows.set(data)
    },
  }
  /** Runs `work` when a session is next read, which happens inside libsignal's job. */
  const onSessionRead = (work: () => void | Promise<void>) => {
    beforeSessionRead = async () => {
      beforeSessionRead = async () => {}
      await work()
    }
  }
  /** Holds the next read of a session until `answer` is called. */
  const holdSessionRead = (): Held => {
    const reached = Promise.withResolvers<void>()
    const answered = Promise.withResolvers<void>()
    onSessionRead(() => {
      reached.resolve()
      return answered.promise
    })
    return { reached: reached.promise, answer: answered.resolve }
  }
  return { store, /** Types of the keys of each write. */ writes, onSessionRead, holdSessionRead }
}

/** A customer with a session to each company that it has written to, by the company's name. */
export function customer() {
  const identity = libsignal.curve.generateKeyPair()
  const sessions = new Map<string, Session>()
  const storage: Storage = {
    loadSession: async (address) => sessions.get(address),
    storeSession: async (address, session) => void sessions.set(address, session),
    isTrustedIdentity: () => true,
    getOurIdentity: () => identity,
    getOurRegistrationId: () => 11,
  }
  const addressOf = (name: string) => new libsignal.ProtocolAddress(name, 0)
  return {
    begin: (name: string, bundle: Bundle) =>
      new libsignal.SessionBuilder(storage, addressOf(name)).initOutgoing(bundle),
    write: (name: string, text: string) =>
      new libsignal.SessionCipher(storage, addressOf(name)).encrypt(Buffer.from(text)),
  }
}
