import { createRequire } from 'node:module'
import makeWASocket, {
  type AuthenticationState,
  type BinaryNode,
  Browsers,
  type ConnectionState,
  Curve,
  getBinaryNodeChild,
  S_WHATSAPP_NET,
  type UserFacingSocketConfig,
  type WASocket,
} from '@whiskeysockets/baileys'
import type { Simulator } from '../../simulator/simulator.ts'
import { trust } from '../../simulator/trust-settings.ts'
import { memoryAuth } from '../fakes/memory-auth.ts'
import { silentLogger } from '../fakes/silent-logger.ts'

/** The real Baileys as a companion of the simulator. */
export type Companion = {
  readonly sock: WASocket
  readonly auth: Auth
  readonly firstQr: Promise<string>
  readonly opened: Promise<void>
  /** Resolves with the status and the error that Baileys gives when the connection ends. */
  readonly closed: Promise<Ending>
  /** Asks for a code and waits for the service's answer to companion_hello. */
  requestCode(number: string, answerWithinMs?: number): Promise<CodeAnswer>
}

/** The credentials and keys of a device, as Baileys keeps them. */
export type Auth = AuthenticationState

type Ending = {
  readonly status: number | undefined
  readonly message: string | undefined
  readonly data: unknown
}

type CodeAnswer = {
  readonly code: string
  readonly answer: 'accepted' | 'none' | number
}

export const newAuth = (): Auth => memoryAuth()

/** Copies the credentials, so that another connection can change its own. The keys stay shared. */
export function copyOf({ creds, keys }: Auth): Auth {
  return { creds: { ...creds }, keys }
}

export function connect(
  simulator: Simulator,
  auth = newAuth(),
  config: Partial<UserFacingSocketConfig> = {},
): Companion {
  trust(simulator)
  const sock = makeWASocket({
    auth,
    browser: Browsers.ubuntu('Chrome'),
    logger: silentLogger,
    ...config,
  })
  const firstQr = Promise.withResolvers<string>()
  const opened = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<Ending>()
  sock.ev.on('creds.update', (update) => Object.assign(auth.creds, update))
  sock.ev.on('connection.update', ({ connection, qr, lastDisconnect }) => {
    if (qr) firstQr.resolve(qr)
    if (connection === 'open') opened.resolve()
    if (connection === 'close') closed.resolve(endingOf(lastDisconnect))
  })
  return {
    sock,
    auth,
    firstQr: firstQr.promise,
    opened: opened.promise,
    closed: closed.promise,
    requestCode: async (number, answerWithinMs = 30_000) => {
      await firstQr.promise
      return requestCode(sock, number, answerWithinMs)
    },
  }
}

// Baileys resolves its promise before the service has answered. Tags are sequential, so the answer has the next one.
async function requestCode(sock: WASocket, number: string, withinMs: number): Promise<CodeAnswer> {
  const [, prefix, count] = /^(.*-)(\d+)$/.exec(sock.generateMessageTag()) ?? []
  const reply: Promise<BinaryNode | undefined> = sock.waitForMessage(`${prefix}${Number(count) + 1}`, withinMs)
  const code = await sock.requestPairingCode(number)
  const node = await reply
  const error = getBinaryNodeChild(node, 'error')
  return { code, answer: error ? Number(error.attrs['code']) : node ? 'accepted' : 'none' }
}

function endingOf(lastDisconnect: ConnectionState['lastDisconnect']): Ending {
  const error = lastDisconnect?.error as (Error & { output?: { statusCode: number }; data?: unknown }) | undefined
  return { status: error?.output?.statusCode, message: error?.message, data: error?.data }
}

/** Links a new device by code. Resolves after the close that ends the registration. */
export async function linkByCode(simulator: Simulator, number: string, auth = newAuth()): Promise<Auth> {
  const companion = connect(simulator, auth)
  const { code } = await companion.requestCode(number)
  const { body } = await enterCode(simulator, number, code)
  if (body.screen !== 'linked') throw new Error(`the phone shows "${body.screen}"`)
  await companion.closed
  return companion.auth
}

/** Links a new device and brings it up once, so that its pre-keys are uploaded. */
export async function linkedDevice(simulator: Simulator, number: string): Promise<Auth> {
  const companion = connect(simulator, await linkByCode(simulator, number))
  await companion.opened
  await end(companion)
  return companion.auth
}

/** Resolves with the next stanza of a kind. Kinds are Baileys' event names, such as `CB:notification,type:...`. */
export function nextStanza({ sock }: Companion, event: string): Promise<BinaryNode> {
  return new Promise((resolve) => void sock.ws.once(event, resolve))
}

/** Sends an iq. Resolves with true when an answer comes in time. */
export async function isAnswered(
  { sock }: Companion,
  xmlns: string,
  child: BinaryNode,
  withinMs: number,
): Promise<boolean> {
  const id = sock.generateMessageTag()
  const reply: Promise<BinaryNode | undefined> = sock.waitForMessage(id, withinMs)
  await sock.sendNode({ tag: 'iq', attrs: { id, to: S_WHATSAPP_NET, type: 'set', xmlns }, content: [child] })
  return (await reply) !== undefined
}

export async function end({ sock, closed }: Companion): Promise<void> {
  sock.end(undefined)
  await closed
}

type Shown = {
  readonly screen: string
  readonly device?: number
}

export async function enterCode(simulator: Simulator, number: string, code: string) {
  const reply = await simulator.control('POST', `/simulator/phones/${number}/enter-code`, { code })
  return { status: reply.status, body: reply.body as Shown }
}

export async function scanQr(simulator: Simulator, number: string, qr: string) {
  const reply = await simulator.control('POST', `/simulator/phones/${number}/scan-qr`, { qr })
  return { status: reply.status, body: reply.body as Shown }
}

export async function behave(simulator: Simulator, number: string, behaviour: string, params = {}): Promise<void> {
  const reply = await simulator.control('PUT', `/simulator/phones/${number}/behaviour`, { behaviour, ...params })
  if (reply.status !== 200) throw new Error(JSON.stringify(reply.body))
}

export async function setService(simulator: Simulator, behaviour: string, params = {}): Promise<void> {
  const reply = await simulator.control('PUT', '/simulator/service', { behaviour, ...params })
  if (reply.status !== 200) throw new Error(JSON.stringify(reply.body))
}

export type Report = {
  readonly connections: { readonly total: number; readonly open: number; readonly registering: number }
  readonly online: readonly string[]
  readonly phones: readonly PhoneReport[]
  readonly violations: { readonly total: number; readonly counts: Readonly<Record<string, number>> }
}

export type PhoneReport = {
  readonly phone: string
  readonly behaviour: string
  readonly companionHellos: number
  readonly devices: readonly { device: number; online: boolean; preKeys: number; logins: number }[]
}

export async function reportOf(simulator: Simulator): Promise<Report> {
  return (await simulator.control('GET', '/simulator/state')).body as Report
}

export async function phoneReport(simulator: Simulator, number: string): Promise<PhoneReport> {
  return (await simulator.control('GET', `/simulator/phones/${number}`)).body as PhoneReport
}

/** The libsignal that Baileys signs and verifies with. */
export const libsignal: {
  curve: {
    generateKeyPair(): { pubKey: Buffer; privKey: Buffer }
    calculateSignature(privateKey: Buffer, message: Buffer): Buffer
    verifySignature(publicKey: Buffer, message: Buffer, signature: Buffer): boolean
  }
} = (() => {
  const require = createRequire(import.meta.url)
  return createRequire(require.resolve('@whiskeysockets/baileys'))('libsignal')
})()

const lenientVerify = Curve.verify

/** Makes Baileys check signatures. Unpatched, it ignores the result of libsignal and accepts every signature. */
export function verifyStrictly(strict = true): void {
  Curve.verify = strict ? reallyVerify : lenientVerify
}

function reallyVerify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKey.length === 33 ? publicKey : Buffer.concat([Buffer.from([5]), publicKey])
  return libsignal.curve.verifySignature(Buffer.from(key), Buffer.from(message), Buffer.from(signature))
}

let lastNumber = 79_000_000_000

/** Returns a phone number that no other test of this file uses. */
export function newNumber(): string {
  lastNumber += 1
  return String(lastNumber)
}
