import type { Control } from './control/reply.ts'
import { control } from './control/routes.ts'
import { certificateChain } from './crypto/certificate.ts'
import { generateKeyPair } from './crypto/x25519.ts'
import { generateSigningKey, type SigningKey, signingKeyFrom } from './crypto/xeddsa.ts'
import { newPostOffice } from './messages/post-office.ts'
import { startListener } from './service/accept.ts'
import { endConditions, healthy } from './service/conditions.ts'
import { stopDailyLoad } from './service/daily-load.ts'
import type { SimulatorEvent } from './service/events.ts'
import type { Timings, World } from './service/world.ts'
import { readState, type StateWriter, stateWriter } from './state-file.ts'

/** Options of {@link startSimulator}. */
export type SimulatorOptions = {
  /** The loopback port of the WebSocket. 0, the default, takes a free one. */
  readonly port?: number
  /** File that keeps phones, devices and the root key between runs. By default they are lost at the end. */
  readonly stateFile?: string
  /** The seed of the root key, 32 bytes in hex. It overrides the one in the state file. */
  readonly rootKey?: string
  readonly timings?: Partial<Timings>
  /** Linked devices that an account may have; WhatsApp allows four. */
  readonly deviceLimit?: number
  readonly onEvent?: (event: SimulatorEvent) => void
}

/** A running simulated WhatsApp: the service, and a phone for every number. */
export type Simulator = {
  readonly webSocketUrl: string
  /** The public key, in hex, that clients must trust for the service's certificate. */
  readonly rootKey: string
  /** Carries out a control request, such as `POST /simulator/phones/79001234567/enter-code`. */
  readonly control: Control
  close(): Promise<void>
}

const defaultTimings: Timings = { codeLifetimeMs: 180_000, finishTimeoutMs: 15_000, signatureTimeoutMs: 15_000 }
const defaultDeviceLimit = 4

/** Starts a simulated WhatsApp on the loopback. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { stateFile } = options
  const state = stateFile === undefined ? undefined : await readState(stateFile)
  const rootKey = chooseRootKey(options.rootKey, state?.rootSeed)
  const phones = new Map(state?.phones.map((phone) => [phone.number, phone]))
  const writer =
    stateFile === undefined
      ? discardingWriter
      : stateWriter(stateFile, () => ({ rootSeed: rootKey.seed, phones: [...phones.values()] }))

  const world = newWorld(options, rootKey, phones, writer)
  const listener = await startListener(world, options.port ?? 0)
  // The root key must survive a kill, even before the first link: clients trust it from now on.
  writer.save()
  await writer.flush()
  return {
    webSocketUrl: `ws://127.0.0.1:${listener.port}/ws/chat`,
    rootKey: rootKey.public.toString('hex'),
    control: (method, path, body) => control({ world, cutAll: listener.cutAll }, method, path, body),
    async close() {
      endConditions(world)
      stopDailyLoad(world)
      world.mail.stopped.abort()
      await listener.close()
      await writer.flush()
    },
  }
}

const discardingWriter: StateWriter = { save: () => {}, flush: () => Promise.resolve() }

function newWorld(options: SimulatorOptions, rootKey: SigningKey, phones: World['phones'], writer: StateWriter): World {
  const staticKey = generateKeyPair()
  return {
    rootKey,
    staticKey,
    certificate: certificateChain(rootKey, staticKey.public),
    timings: { ...defaultTimings, ...options.timings },
    deviceLimit: options.deviceLimit ?? defaultDeviceLimit,
    phones,
    registrations: new Set(),
    sessions: new Map(),
    mail: newPostOffice(rootKey.seed),
    dailyLoad: undefined,
    violations: { counts: new Map(), latest: [] },
    traffic: { connections: 0, open: 0, unanswered: 0 },
    condition: healthy,
    conditions: new Map(),
    emit: options.onEvent ?? (() => {}),
    save: writer.save,
  }
}

function chooseRootKey(given: string | undefined, stored: Buffer | undefined): SigningKey {
  if (given === undefined) return stored ? signingKeyFrom(stored) : generateSigningKey()
  if (!/^[0-9a-f]{64}$/i.test(given)) throw new Error('rootKey must be 32 bytes in hex')
  return signingKeyFrom(Buffer.from(given, 'hex'))
}
