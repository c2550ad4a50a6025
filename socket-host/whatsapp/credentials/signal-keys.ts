/** Storage of Signal keys for Baileys' `get` and `set`: in memory for an attempt, else in rows of a generation. */
import { inSlices } from '#shared/async/in-slices.ts'
import type { Timer } from '#shared/async/time-limit.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { CredentialRow, CredentialStore } from '#shared/ports.ts'
import type { StoredTarget } from '../port.ts'
import { decodeJson, encodeJson } from './buffer-json.ts'
import type { KnownRows, PlainRow } from './known-rows.ts'
import { type LoginRows, loginRows, type ReadRows } from './login-rows.ts'
import type { PreKey } from './pre-key-chunks.ts'
import { changedPreKeyRows, readPreKeys } from './pre-key-rows.ts'
import type { RowCipher } from './row-cipher.ts'

/** Values by id; null or undefined deletes. Except for pre-keys, the values are opaque. */
type Values<T> = { readonly [id: string]: T | null | undefined }
/** Argument of one `set` of Baileys: values by type and id. */
export type KeyChanges = { readonly 'pre-key'?: Values<PreKey>; readonly [type: string]: Values<unknown> | undefined }

/** `fenced`: a host of a higher epoch has written. `notOwner`: our lease has run out. Both wrote nothing. */
export type WriteOutcome = 'written' | 'fenced' | 'notOwner'

export type KeyRows = {
  /** Returns the values that exist. A row that cannot be decrypted counts as absent; see `onUnreadable`. */
  read(type: string, ids: readonly string[]): Promise<{ [id: string]: unknown }>
  /**
   * Writes all or nothing, with the creds if given, after `settle`. Nothing else may run beside it: a write first reads
   * its pre-key rows, and a read beside it would see half of it. After it has thrown, nobody knows whether it has
   * written; `settle` first, then read.
   */
  write(changes: KeyChanges, creds?: unknown): Promise<WriteOutcome>
  /** False after a write of unknown outcome. */
  isSettled(): boolean
  /** Repeats the write of unknown outcome, if there is one; nothing else may run beside it. */
  settle(): Promise<WriteOutcome>
  /** Tells that a socket logs in: reads of one login may share a call. Returns what tells that the socket is gone. */
  beginLogin(): () => void
}

/** Row key of Baileys' creds, the row that is read at load. */
export const credsRow = 'creds'

export type MemoryRows = KeyRows & { readonly entries: () => KeyChanges }

/** Keys of an attempt, in the memory of this process only (R6). */
export function memoryRows(): MemoryRows {
  const types = new Map<string, Map<string, unknown>>()
  return {
    async read(type, ids) {
      const values = types.get(type)
      return Object.fromEntries(ids.filter((id) => values?.has(id)).map((id) => [id, values?.get(id)]))
    },
    async write(changes) {
      for (const [type, values = {}] of Object.entries(changes)) {
        const kept = types.get(type) ?? new Map<string, unknown>()
        types.set(type, kept)
        for (const [id, value] of Object.entries(values)) {
          if (value === null || value === undefined) kept.delete(id)
          else kept.set(id, value)
        }
      }
      return 'written'
    },
    isSettled: () => true,
    settle: async () => 'written',
    beginLogin: () => () => {},
    entries: () => Object.fromEntries([...types].map(([type, values]) => [type, Object.fromEntries(values)])),
  }
}

/** Keys that Baileys asks for at a login, one after the other; no pre-keys. */
export type LoginKeys = readonly (readonly [type: string, id: string])[]

export type StoredRowsDeps = {
  readonly store: CredentialStore
  readonly target: StoredTarget
  readonly cipher: RowCipher
  readonly known: KnownRows
  readonly keysOfLogin: () => LoginKeys
  readonly after: Timer
  /** Called when a row exists but cannot be decrypted. */
  readonly onUnreadable: (type: string) => void
}

/**
 * Writes rows, and keeps those of a write that threw until it has been repeated: the store may show half of them, and the
 * other half may still arrive (R64). They are kept here, so that they go with the session's credentials (R13).
 */
function repeatableWrites({ store, target }: Pick<StoredRowsDeps, 'store' | 'target'>) {
  let unsettled: readonly CredentialRow[] = []
  const put = async (rows: readonly CredentialRow[]): Promise<WriteOutcome> => {
    if (rows.length === 0) return 'written'
    if (!target.isOwner()) return 'notOwner'
    try {
      const outcome = await store.write(target, rows, target.epoch)
      unsettled = []
      return outcome
    } catch (error) {
      // Any other failure would come again, and no later read of these credentials would succeed.
      unsettled = error instanceof StoreUnavailable ? rows : []
      throw error
    }
  }
  return { put, isSettled: () => unsettled.length === 0, settle: () => put(unsettled) }
}

/**
 * Reads and decrypts rows, apart from those that are known. One that cannot be decrypted has no bytes. `readMissing`
 * returns the others.
 */
function openRows({ target, cipher, known, onUnreadable }: StoredRowsDeps) {
  return async (
    type: string,
    names: readonly string[],
    readMissing: ReadRows,
  ): Promise<ReadonlyMap<string, Buffer | undefined>> => {
    // A host whose lease has run out does not know what its successor has written.
    const found = (name: string) => (target.isOwner() ? known.find(name) : undefined)
    const asked = await inSlices(new Set(names), (name) => ({ name, is: found(name) }))
    const unknown = asked.flatMap(({ name, is }) => (is === undefined ? [name] : []))
    const rows = unknown.length > 0 ? await readMissing(unknown) : new Map<string, Uint8Array>()
    const opened = await inSlices(rows, ([name, bytes]) => {
      const plaintext = cipher.open(name, bytes)
      if (!plaintext) onUnreadable(type)
      return [name, plaintext] as const
    })
    const own = asked.flatMap(({ name, is }) => (is instanceof Uint8Array ? [[name, Buffer.from(is)] as const] : []))
    return new Map([...own, ...opened])
  }
}

/** Reads rows as a login may: some of them were read along with others just before. */
function readAtLogin({ target, known }: StoredRowsDeps, login: LoginRows): ReadRows {
  return async (names) => {
    const found = names.map((name) => [name, target.isOwner() ? login.find(name) : undefined] as const)
    const unread = found.flatMap(([name, is]) => (is === undefined ? [name] : []))
    const isNeeded = (name: string) => known.find(name) === undefined
    const rows = unread.length > 0 ? await login.read(unread, isNeeded) : []
    return new Map([...found.flatMap(([name, is]) => (is instanceof Uint8Array ? [[name, is] as const] : [])), ...rows])
  }
}

/** Reads of values, and of pre-key rows. */
function readers(deps: StoredRowsDeps, login: LoginRows) {
  const { store, target, cipher } = deps
  const open = openRows(deps)
  const readForLogin = readAtLogin(deps, login)
  const readPreKeyRows = (readMissing: ReadRows) => async (names: readonly string[]) => {
    const rows = await open('pre-key', names, readMissing)
    return new Map([...rows].map(([name, plaintext]) => [name, plaintext ?? Buffer.alloc(0)]))
  }
  return {
    preKeyRows: readPreKeyRows(readForLogin),
    /** For a write of pre-keys: nothing that was read along with others counts. */
    preKeyRowsBeforeWrite: readPreKeyRows((names) => store.read(target, names)),
    async json(type: string, ids: readonly string[]) {
      const names = await inSlices(new Set(ids), (id) => [id, cipher.nameOf(type, id)] as const)
      const rows = await open(
        type,
        names.map(([, name]) => name),
        readForLogin,
      )
      const values = await inSlices(names, ([id, name]) => {
        const plaintext = rows.get(name)
        return [id, plaintext && decodeJson(plaintext)] as const
      })
      return Object.fromEntries(values.filter(([, value]) => value !== undefined))
    },
  }
}

/**
 * Keys of a stored generation, encrypted row by row. In memory are the known rows, those of a login, and a write that must
 * be repeated.
 */
export function storedRows(deps: StoredRowsDeps): KeyRows {
  const { store, target, cipher, known, keysOfLogin, after } = deps
  const { put, settle, isSettled } = repeatableWrites(deps)
  const namesOfLogin = () => keysOfLogin().map(([type, id]) => cipher.nameOf(type, id))
  const login = loginRows(namesOfLogin, (names) => store.read(target, names), after)
  const read = readers(deps, login)
  const putChanged = async (all: readonly PlainRow[]): Promise<WriteOutcome> => {
    const rows = target.isOwner() ? all.filter((row) => !known.isStored(row)) : all
    known.writing(rows)
    login.drop(rows.map(({ key }) => key))
    const sealed = await inSlices(rows, ({ key, plaintext }) => ({
      key,
      bytes: plaintext && cipher.seal(key, plaintext),
    }))
    const outcome = await put(sealed).catch((error: unknown) => {
      login.forget()
      throw error
    })
    if (outcome === 'written') known.written(rows)
    return outcome
  }
  return {
    read: async (type, ids) =>
      type === 'pre-key' ? Object.fromEntries(await readPreKeys(read.preKeyRows, ids)) : read.json(type, ids),
    isSettled,
    settle,
    beginLogin: login.begin,
    async write({ 'pre-key': preKeys = {}, ...others }, creds) {
      const settled = await settle()
      if (settled !== 'written') return settled
      // Not before: the store may still have the pre-keys as they were before the unsettled write.
      const changed = await changedPreKeyRows(
        read.preKeyRowsBeforeWrite,
        Object.entries(preKeys).map(([id, key]) => [id, key ?? undefined]),
      )
      const rows = [
        ...[...changed].map(([key, plaintext]) => ({ key, plaintext })),
        ...(await inSlices(valuesIn(others), ([type, id, value]) => {
          const isDeleted = value === null || value === undefined
          return { key: cipher.nameOf(type, id), plaintext: isDeleted ? undefined : encodeJson(value) }
        })),
      ]
      if (creds !== undefined) rows.push({ key: credsRow, plaintext: encodeJson(creds) })
      return putChanged(rows)
    },
  }
}

function* valuesIn(changes: KeyChanges): Generator<readonly [type: string, id: string, value: unknown], void> {
  for (const [type, values = {}] of Object.entries(changes)) {
    for (const [id, value] of Object.entries(values)) yield [type, id, value]
  }
}
