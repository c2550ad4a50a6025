import { open, readFile, rename } from 'node:fs/promises'
import * as v from 'valibot'
import { isBadInput } from './choice.ts'
import { signingKeyFrom } from './crypto/xeddsa.ts'
import { behaviourFrom, ok } from './phone/behaviour.ts'
import type { SignedPreKey } from './phone/device-keys.ts'
import type { Device, Phone } from './phone/phone.ts'

/** The persistent state: the root key, the phones, and the devices that are linked to them. */
export type State = {
  readonly rootSeed: Buffer
  readonly phones: readonly Phone[]
}

/** Writes the state to the file, one write at a time. */
export type StateWriter = {
  /** Schedules a write. */
  save(): void
  /** Resolves when everything that was scheduled is on disk. */
  flush(): Promise<void>
}

// Long enough to write the changes of one link together. Short enough that a kill soon after a link does not lose it.
const batchWindowMs = 30

const Bytes = v.pipe(
  v.string(),
  v.hexadecimal(),
  v.transform((hex) => Buffer.from(hex, 'hex')),
)
const StoredKeys = v.object({
  registrationId: v.number(),
  signedPreKey: v.object({ id: v.number(), key: Bytes, signature: Bytes }),
})
const StoredDevice = v.object({
  id: v.number(),
  keyIndex: v.number(),
  noiseKey: Bytes,
  identityKey: Bytes,
  platform: v.string(),
  linkedAt: v.string(),
  keys: v.optional(StoredKeys),
  preKeys: v.number(),
  lastPreKey: v.number(),
  logins: v.number(),
})
const StoredPhone = v.object({
  number: v.string(),
  lid: v.string(),
  identitySeed: Bytes,
  devices: v.array(StoredDevice),
  nextDevice: v.number(),
  companionHellos: v.number(),
  behaviour: v.object({ name: v.string(), params: v.record(v.string(), v.unknown()) }),
})
const StoredState = v.object({ version: v.literal(1), rootSeed: Bytes, phones: v.array(StoredPhone) })

/** Reads the state of an earlier run. Returns undefined without a file, and throws when the file is malformed. */
export async function readState(file: string): Promise<State | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const { rootSeed, phones } = v.parse(StoredState, JSON.parse(text))
  return { rootSeed, phones: phones.map(phoneFrom) }
}

function phoneFrom({ identitySeed, behaviour, devices, ...stored }: v.InferOutput<typeof StoredPhone>): Phone {
  const restored = behaviourFrom(behaviour.name, behaviour.params)
  return {
    ...stored,
    devices: devices.map(({ keys, ...device }) => ({ ...device, keys: keys && { ...keys, preKeys: new Map() } })),
    identity: signingKeyFrom(identitySeed),
    behaviour: isBadInput(restored) ? ok : restored,
  }
}

/** Makes a writer of what `read` returns. It writes a draft and renames it, so that the file is never half written. */
export function stateWriter(file: string, read: () => State): StateWriter {
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  const write = () => {
    timer = undefined
    writing = writing.then(() => replaceFile(file, serialize(read())))
  }
  return {
    save() {
      timer ??= setTimeout(write, batchWindowMs)
    },
    async flush() {
      if (timer) {
        clearTimeout(timer)
        write()
      }
      await writing
    },
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const draft = await open(`${file}.draft`, 'w', 0o600)
  await draft.writeFile(text)
  await draft.sync()
  await draft.close()
  await rename(`${file}.draft`, file)
}

function serialize({ rootSeed, phones }: State): string {
  const stored = phones.map(({ identity, behaviour, devices, ...phone }) => ({
    ...phone,
    devices: devices.map(serializeDevice),
    identitySeed: identity.seed.toString('hex'),
    behaviour: { name: behaviour.name, params: behaviour.params },
  }))
  return JSON.stringify({ version: 1, rootSeed: rootSeed.toString('hex'), phones: stored })
}

/** One-time pre-keys are left out: 812 of them are 55 kB, in a file that is written anew after every change. */
function serializeDevice({ noiseKey, identityKey, keys, ...device }: Device) {
  return {
    ...device,
    noiseKey: noiseKey.toString('hex'),
    identityKey: identityKey.toString('hex'),
    ...(keys && { keys: { registrationId: keys.registrationId, signedPreKey: serializeSigned(keys.signedPreKey) } }),
  }
}

function serializeSigned({ id, key, signature }: SignedPreKey) {
  return { id, key: key.toString('hex'), signature: signature.toString('hex') }
}
