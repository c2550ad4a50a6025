/** Baileys' authentication state over our credential rows: in memory until persisted, then written as it changes. */
import {
  type AuthenticationCreds,
  type AuthenticationState,
  initAuthCreds,
  proto,
  type SignalDataTypeMap,
} from '@whiskeysockets/baileys'
import * as v from 'valibot'
import { serialQueue } from '#shared/async/serial-queue.ts'
import type { CredentialStore } from '#shared/ports.ts'
import type { Log } from '../baileys-logger.ts'
import type { Credentials, StoredTarget } from '../port.ts'
import { decodeJson } from './buffer-json.ts'
import { StoredCreds } from './creds-schema.ts'
import { rowCipher } from './row-cipher.ts'
import { credsRow, type KeyChanges, type KeyRows, memoryRows, storedRows } from './signal-keys.ts'
import { type StoreFailure, storeFailed, writeFailure } from './store-failure.ts'

/** Milliseconds for which changes of the creds are gathered; the next write of keys takes them along anyway. */
const saveDelayMs = 100

/** Credentials as the adapter uses them. One socket at a time is attached. */
export type AuthState = Credentials & {
  readonly creds: AuthenticationCreds
  /** What a new socket works with. `onFailure` hears of the first read or write that did not succeed. */
  attach(onFailure: (failure: StoreFailure) => void): Attachment
  /** See the port. Throws for credentials that are not linked: nothing half-paired is ever stored (R6). */
  persist(target: StoredTarget): Promise<'written' | 'fenced'>
}

export type Attachment = {
  readonly state: AuthenticationState
  /** To be called at each `creds.update`, after Baileys has changed the creds. */
  credsChanged(): void
  /** From now on writes are dropped: the device is about to be removed from its account. */
  discard(): void
  /** From now on the socket reads and writes nothing: it is over, or superseded. */
  release(): void
}

export type AuthStateDeps = { readonly store: CredentialStore; readonly log: Log }

/** Fresh credentials in memory. */
export const freshAuthState = (deps: AuthStateDeps): AuthState => authState(initAuthCreds(), memoryRows(), deps)

/** Stored credentials; `corrupt` when they do not decrypt, do not parse, lack something or are not linked. */
export async function loadAuthState(
  target: StoredTarget,
  deps: AuthStateDeps,
): Promise<AuthState | 'absent' | 'corrupt' | 'fenced'> {
  if (!target.isOwner()) return 'fenced'
  const bytes = await deps.store.load(target, credsRow, target.epoch)
  if (typeof bytes === 'string') return bytes
  const plaintext = rowCipher(target.dataKey, target).open(credsRow, bytes)
  const creds = plaintext && decodeJson(plaintext)
  if (!isStoredCreds(creds)) return 'corrupt'
  const account = accountOf(creds.account)
  if (!account) return 'corrupt'
  creds.account = account
  return isLinked(creds) ? authState(creds, rowsOf(target, deps), deps) : 'corrupt'
}

/**
 * Protobuf messages turn their bytes into bare base64 when they become JSON. What is no base64 is told by an exception;
 * undefined then.
 */
function accountOf(stored: object | undefined): proto.ADVSignedDeviceIdentity | undefined {
  try {
    return stored && proto.ADVSignedDeviceIdentity.fromObject(stored)
  } catch {
    return undefined
  }
}

/** Whether pair-success has happened. Neither `registered` nor `me` alone says so (requirements, "Words"). */
const isLinked = ({ account, me, signalIdentities }: AuthenticationCreds): boolean =>
  Boolean(account) && /^[^@]+:\d+@/.test(me?.id ?? '') && (signalIdentities ?? []).length > 0

type Rows = KeyRows & { readonly entries?: () => KeyChanges }

function authState(creds: AuthenticationCreds, initial: Rows, deps: AuthStateDeps): AuthState {
  const enqueue = serialQueue()
  let rows = initial
  let isDirty = false
  let saveTimer: NodeJS.Timeout | undefined
  let failure: StoreFailure | undefined
  let onFailure: (failure: StoreFailure) => void = () => {}

  const recordFailure = (reason: StoreFailure): Error => {
    failure ??= reason
    onFailure(reason)
    return reason.error
  }
  const read: KeyRows['read'] = (type, ids) =>
    rows.read(type, ids).catch((cause) => {
      throw recordFailure(storeFailed(cause))
    })
  const write = (changes: KeyChanges): Promise<void> =>
    enqueue(async () => {
      const includesCreds = isDirty
      isDirty = false
      const reason = await writeFailure(rows.write(changes, includesCreds ? creds : undefined))
      if (!reason) return
      isDirty ||= includesCreds
      throw recordFailure(reason)
    })
  const saveCreds = async () => {
    clearTimeout(saveTimer)
    saveTimer = undefined
    await (isDirty ? write({}) : enqueue(async () => {}))
  }
  const credsChanged = () => {
    isDirty = true
    // A save in the background that fails is told to the socket by `failed`, and to the next `flush`.
    saveTimer ??= setTimeout(() => void saveCreds().catch(() => {}), saveDelayMs)
  }

  return {
    creds,
    isLinked: () => isLinked(creds),
    async flush() {
      await saveCreds()
      if (failure) throw failure.error
    },
    attach(listener) {
      failure = undefined
      onFailure = listener
      return attachment(creds, { read, write, credsChanged })
    },
    persist: (target) =>
      enqueue(async () => {
        if (!isLinked(creds)) throw new Error('Only linked credentials are stored')
        if (!rows.entries) throw new Error('Credentials are stored once, under one generation')
        const stored = rowsOf(target, deps)
        isDirty = false
        if ((await stored.write(rows.entries(), creds)) !== 'written') return 'fenced'
        rows = stored
        return 'written'
      }),
  }
}

type AttachmentDeps = Pick<KeyRows, 'read'> & {
  readonly write: (changes: KeyChanges) => Promise<void>
  readonly credsChanged: () => void
}

function attachment(creds: AuthenticationCreds, { read, write, credsChanged }: AttachmentDeps): Attachment {
  let mode: 'attached' | 'discarding' | 'released' = 'attached'
  const assertNotReleased = () => {
    if (mode === 'released') throw new Error('The socket is closed')
  }
  const keys: AuthenticationState['keys'] = {
    async get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]) {
      assertNotReleased()
      const values = await read(type, ids)
      // What arrives after the end would start timers in the library's caches that nobody stops.
      assertNotReleased()
      return revive(type, values)
    },
    async set(data) {
      assertNotReleased()
      if (mode === 'attached') await write(data)
    },
  }
  return {
    state: { creds, keys },
    credsChanged: () => (mode === 'attached' ? credsChanged() : undefined),
    discard() {
      if (mode === 'attached') mode = 'discarding'
    },
    release() {
      mode = 'released'
    },
  }
}

function revive<T extends keyof SignalDataTypeMap>(type: T, values: { [id: string]: unknown }) {
  const entries = Object.entries(values).map(([id, value]) => [
    id,
    type === 'app-state-sync-key' && isRecord(value) ? proto.Message.AppStateSyncKeyData.fromObject(value) : value,
  ])
  // A key comes back as what Baileys wrote under the same type; the row's authentication vouches for that.
  return Object.fromEntries(entries) as { [id: string]: SignalDataTypeMap[T] }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const rowsOf = (target: StoredTarget, { store, log }: AuthStateDeps): KeyRows =>
  storedRows({
    store,
    target,
    cipher: rowCipher(target.dataKey, target),
    onUnreadable: (type) => log.error({ companyId: target.companyId, type }, 'A stored key cannot be read'),
  })

const isStoredCreds = (value: unknown): value is AuthenticationCreds => v.is(StoredCreds, value)
