/**
 * Baileys' authentication state over our credential rows: in memory until it is persisted, then written at each change.
 */
import {
  type AuthenticationCreds,
  type AuthenticationState,
  initAuthCreds,
  jidDecode,
  proto,
  type SignalDataTypeMap,
} from '@whiskeysockets/baileys'
import * as v from 'valibot'
import { systemTimer, type Timer } from '#shared/async/time-limit.ts'
import type { CredentialStore } from '#shared/ports.ts'
import type { Log } from '../baileys-logger.ts'
import type { Credentials, StoredTarget } from '../port.ts'
import { decodeJson } from './buffer-json.ts'
import { StoredCreds } from './creds-schema.ts'
import { type KnownRows, knownRows } from './known-rows.ts'
import { orderedRows, type Rows } from './ordered-rows.ts'
import { hasKnownFormat, rowCipher } from './row-cipher.ts'
import { credsRow, type KeyChanges, type KeyRows, type LoginKeys, memoryRows, storedRows } from './signal-keys.ts'
import { failureRecord, type StoreFailure } from './store-failure.ts'

/** Milliseconds for which changes of the creds are collected. A write of keys in the meantime includes them. */
const saveDelayMs = 100

/** Credentials with what the adapter needs. One socket at a time is attached to them. */
export type AuthState = Credentials & {
  readonly creds: AuthenticationCreds
  /** Attaches a new socket. `onFailure` is called for each read or write that fails. */
  attach(onFailure: (failure: StoreFailure) => void): Attachment
  /** As in the port. Rejects for credentials that are not linked: an unfinished pairing must never be stored (R6). */
  persist(target: StoredTarget): Promise<'written' | 'fenced'>
}

export type Attachment = {
  readonly state: AuthenticationState
  /** Schedules a write of the creds. Call it at each `creds.update`, after Baileys has changed them. */
  credsChanged(): void
  /**
   * Drops all writes from now on, because the device is about to be removed from its account. One of unknown outcome is
   * still repeated before the next read, which the removal may need.
   */
  discard(): void
  /** Refuses all reads and writes from now on, because the socket is gone. */
  release(): void
}

export type AuthStateDeps = {
  readonly store: CredentialStore
  readonly log: Log
  /** Timers of what is kept for a short time. */
  readonly time?: { readonly after: Timer }
}

/** Makes fresh credentials, in memory only. */
export const freshAuthState = (deps: AuthStateDeps): AuthState => authState(initAuthCreds(), memoryRows(), deps)

/**
 * Reads stored credentials (R47). `damaged` is said of one generation only: its creds are gone, altered, or no link. What
 * may as well be a fault of this build or of its settings is `unreadable`: bytes in an unknown format, creds that do not
 * fit the schema, a key that opens nothing.
 */
export async function loadAuthState(
  target: StoredTarget,
  deps: AuthStateDeps,
): Promise<AuthState | 'damaged' | 'unreadable' | 'fenced'> {
  if (!target.isOwner()) return 'fenced'
  const bytes = await deps.store.load(target, credsRow, target.epoch)
  if (bytes === 'fenced') return bytes
  if (bytes === 'absent') return 'damaged'
  if (bytes === 'corrupt' || !hasKnownFormat(bytes)) return 'unreadable'
  const plaintext = rowCipher(target.dataKey, target).open(credsRow, bytes)
  const creds = plaintext && decodeJson(plaintext)
  if (!plaintext || creds === undefined) return (await readsAnotherRow(target, deps)) ? 'damaged' : 'unreadable'
  const account = isStoredCreds(creds) && accountOf(creds.account)
  if (!account || !isLinked({ ...creds, account })) return 'unreadable'
  creds.account = account
  // The load has put this host's stamp on the creds, and on no other row.
  const known = knownRows({ stored: [{ key: credsRow, plaintext }] })
  return authState(creds, rowsOf(target, deps, { known, creds }), deps)
}

/** Number of other rows that are tried when the creds row cannot be read. */
const sampleRows = 10

async function readsAnotherRow(target: StoredTarget, { store }: AuthStateDeps): Promise<boolean> {
  const cipher = rowCipher(target.dataKey, target)
  const rows = await store.sample(target, sampleRows)
  return [...rows].some(([key, bytes]) => {
    const plaintext = key === credsRow ? undefined : cipher.open(key, bytes)
    return plaintext !== undefined && decodeJson(plaintext) !== undefined
  })
}

/**
 * Restores `account`, or returns undefined if it is invalid. A protobuf message turns its bytes into bare base64 when
 * it becomes JSON, and `fromObject` throws on anything that is not base64.
 */
function accountOf(stored: object | undefined): proto.ADVSignedDeviceIdentity | undefined {
  try {
    return stored && proto.ADVSignedDeviceIdentity.fromObject(stored)
  } catch {
    return undefined
  }
}

/** True after pair-success. Neither `registered` nor `me` alone proves it (requirements, "Words"). */
const isLinked = ({ account, me, signalIdentities }: AuthenticationCreds): boolean =>
  Boolean(account) && /^[^@]+:\d+@/.test(me?.id ?? '') && (signalIdentities ?? []).length > 0

function authState(creds: AuthenticationCreds, initial: Rows, deps: AuthStateDeps): AuthState {
  let isDirty = false
  let isBegun = false
  let saveTimer: NodeJS.Timeout | undefined
  const failures = failureRecord()
  const ordered = orderedRows(initial, failures.add)

  const write = (changes: KeyChanges): Promise<void> =>
    ordered.write(async (rows) => {
      const includesCreds = isDirty
      let isWritten = false
      isDirty = false
      try {
        const outcome = await rows.write(changes, includesCreds ? creds : undefined)
        isWritten = outcome === 'written'
        return outcome
      } finally {
        isDirty ||= includesCreds && !isWritten
      }
    })
  const saveCreds = async () => {
    clearTimeout(saveTimer)
    saveTimer = undefined
    // Also without a change: it waits for all earlier writes, and settles the last one.
    await write({})
  }
  const credsChanged = () => {
    isDirty = true
    // `failures` reports a failed save to the socket and to the next `flush`.
    saveTimer ??= setTimeout(() => void saveCreds().catch(() => {}), saveDelayMs)
  }

  return {
    creds,
    isLinked: () => isLinked(creds),
    async flush() {
      await saveCreds()
      const failure = failures.first()
      if (failure) throw failure.error
    },
    attach(listener) {
      failures.restart(listener)
      return attachment(creds, { read: ordered.read, write, credsChanged, endLogin: ordered.beginLogin() })
    },
    async persist(target) {
      const moved = await ordered.move(async (rows) => {
        if (!isLinked(creds)) throw new Error('Only linked credentials are stored')
        if (!rows.entries) throw new Error('Credentials are stored once, under one generation')
        // An earlier try may have written rows that this one does not know of.
        const stored = rowsOf(target, deps, { known: knownRows({ begun: !isBegun }), creds })
        isBegun = true
        isDirty = false
        return (await stored.write(rows.entries(), creds)) === 'written' ? stored : undefined
      })
      return moved ? 'written' : 'fenced'
    },
  }
}

type AttachmentDeps = Pick<KeyRows, 'read'> & {
  readonly write: (changes: KeyChanges) => Promise<void>
  readonly credsChanged: () => void
  readonly endLogin: () => void
}

function attachment(creds: AuthenticationCreds, { read, write, credsChanged, endLogin }: AttachmentDeps): Attachment {
  let mode: 'attached' | 'discarding' | 'released' = 'attached'
  const assertNotReleased = () => {
    if (mode === 'released') throw new Error('The socket is closed')
  }
  const keys: AuthenticationState['keys'] = {
    async get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]) {
      assertNotReleased()
      const values = await read(type, ids)
      // Values that arrive after the end would start timers in Baileys' caches that nothing stops.
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
      endLogin()
    },
  }
}

function revive<T extends keyof SignalDataTypeMap>(type: T, values: { [id: string]: unknown }) {
  // Others stay in the object that they came in: copying thousands of values would hold up all other work (R62).
  if (type === 'app-state-sync-key') {
    for (const [id, value] of Object.entries(values))
      values[id] = isRecord(value) ? proto.Message.AppStateSyncKeyData.fromObject(value) : value
  }
  // The row is authenticated, so it holds what Baileys wrote under this type.
  return values as { [id: string]: SignalDataTypeMap[T] }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Signal keys that Baileys asks for at a login, by type and id: its own LID, and its sessions with itself. */
function keysOfLogin({ me }: AuthenticationCreds): LoginKeys {
  const [phone, lid] = [jidDecode(me?.id), jidDecode(me?.lid)]
  const sessions = [phone, lid].flatMap((jid) => {
    if (!jid) return []
    const user = jid.domainType ? `${jid.user}_${jid.domainType}` : jid.user
    return [['session', `${user}.${jid.device ?? 0}`] as const]
  })
  return phone ? [['lid-mapping', phone.user], ...sessions] : sessions
}

const rowsOf = (
  target: StoredTarget,
  { store, log, time }: AuthStateDeps,
  { known, creds }: { readonly known: KnownRows; readonly creds: AuthenticationCreds },
): KeyRows =>
  storedRows({
    store,
    target,
    known,
    keysOfLogin: () => keysOfLogin(creds),
    after: time?.after ?? systemTimer,
    cipher: rowCipher(target.dataKey, target),
    onUnreadable: (type) => log.error({ companyId: target.companyId, type }, 'Could not read a stored key'),
  })

const isStoredCreds = (value: unknown): value is AuthenticationCreds => v.is(StoredCreds, value)
