/** Credentials in DynamoDB over a connection that fails as a test wants, compared with the model at each read. */
import { expect } from 'vitest'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Attachment, AuthState } from '../../../../socket-host/whatsapp/credentials/auth-state.ts'
import type { StoredTarget } from '../../../../socket-host/whatsapp/port.ts'
import type { Engine, Table } from '../../../contracts/engines/engines.ts'
import { type Fate, flakyConnect } from '../../../contracts/engines/flaky.ts'
import { aTarget } from '../whatsapp-rig.ts'
import { attach, loadFrom, storeIn } from './linked-auth-state.ts'
import { type KeySet, setModel, usedText } from './set-model.ts'

/** Returns the fate of a call, by its place among the calls of an operation, and by its name. */
export type FateOf = (call: number, name: string) => Fate

export const sessionIds = ['X', 'Y']
/** Ids in two chunks. */
export const preKeyIds = [1, 256].flatMap((from) => Array.from({ length: 80 }, (_, index) => String(from + index)))

const keysOf = ({ name, sessions, used, size }: KeySet) => ({
  session: Object.fromEntries(sessions.map((id) => [id, Buffer.concat([Buffer.from(`${name} `), Buffer.alloc(size)])])),
  'pre-key': Object.fromEntries(used.map((id) => [id, null])),
})
const nameIn = (session: Uint8Array) => Buffer.from(session).toString('latin1').split(' ')[0] ?? ''

function faultyConnection(engine: Engine, table: string) {
  let fateOf: FateOf | undefined
  let calls = 0
  let faults = 0
  const flaky = flakyConnect(engine, ({ operation }) => {
    const fate = fateOf?.(calls, operation) ?? 'arrives'
    calls += 1
    if (fate !== 'arrives') faults += 1
    return fate
  })
  return {
    /** Makes a store, like that of another process. */
    newStore: () => dynamoCredentialStore({ client: flaky.client, table }),
    deliverLate: flaky.deliverLate,
    /** Number of calls of the last operation that have failed. */
    faults: () => faults,
    /** Runs an operation whose calls end as given. Returns whether it succeeded; it must when no call has failed. */
    async run(fates: FateOf | undefined, operation: () => Promise<unknown>): Promise<boolean> {
      fateOf = fates
      calls = 0
      faults = 0
      try {
        await operation()
        return true
      } catch (error) {
        if (faults === 0 || !isUnavailable(error)) throw error
        return false
      } finally {
        fateOf = undefined
      }
    },
  }
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof StoreUnavailable || (error instanceof Error && isUnavailable(error.cause))

type Connection = ReturnType<typeof faultyConnection>
type Model = ReturnType<typeof setModel>

type Target = StoredTarget & { isTrusted: boolean }
type Owner = { readonly state: AuthState; readonly target: Target }

const targetOf = (of: StoredTarget, epoch: number): Target => {
  const target = { ...of, epoch, isTrusted: true, isOwner: () => target.isTrusted }
  return target
}

/** Stores linked credentials with sessions and pre-keys. */
async function storedOn(connection: Connection): Promise<Owner> {
  const target = targetOf(aTarget(), 1)
  const state = await storeIn(connection.newStore(), target)
  const key = (id: string) => Buffer.alloc(32, Number(id) % 251)
  await attach(state).state.keys.set({
    ...keysOf({ name: '0', sessions: sessionIds, used: [], size: 0 }),
    'pre-key': Object.fromEntries(preKeyIds.map((id) => [id, { public: key(id), private: key(id) }])),
  })
  return { state, target }
}

/** The owners of the credentials, one after the other, and their sockets. */
function owners(connection: Connection, model: Model, first: Owner) {
  let store = connection.newStore()
  let owner = first
  let socket = attach(owner.state)
  let isLoaded = true

  const load = async (fates?: FateOf): Promise<boolean> => {
    socket.release()
    model.isLoaded()
    isLoaded = await connection.run(fates, async () => {
      owner = { ...owner, state: await loadFrom(store, owner.target) }
      socket = attach(owner.state)
    })
    return isLoaded
  }
  const loaded = async () => {
    if (!isLoaded) await load()
    return socket
  }
  return {
    /** Returns the socket; after a load that has failed, loads again. */
    loaded,
    /** The same host loads the credentials once more. */
    reload: load,
    /** Another host loads the credentials. */
    async takeOver(fates?: FateOf): Promise<boolean> {
      const former = owner
      former.target.isTrusted = false
      store = connection.newStore()
      owner = { ...owner, target: targetOf(former.target, former.target.epoch + 1) }
      const isDone = await load(fates)
      if (isDone) await expectFenced(former, model.lateOnesArrive)
      return isDone
    },
    /** Attaches another socket; with `fates`, it also flushes. */
    async reconnect(fates?: FateOf): Promise<boolean> {
      const last = await loaded()
      last.release()
      socket = attach(owner.state)
      return fates === undefined || connection.run(fates, () => owner.state.flush())
    },
  }
}

export async function faultyCredentials(engine: Engine, { table }: Table) {
  const connection = faultyConnection(engine, table)
  const model = setModel({ ...Object.fromEntries(sessionIds.map((id) => [id, '0'])), used: '' })
  const { loaded, reload, takeOver, reconnect } = owners(connection, model, await storedOn(connection))
  const deliver = async (limit?: number) => {
    if (limit !== 0) model.lateOnesArrive()
    await connection.deliverLate(limit)
  }
  return {
    ...{ reload, takeOver, reconnect, deliver },
    faults: connection.faults,
    reached: model.reached,
    async set(set: KeySet, fates?: FateOf): Promise<boolean> {
      const { state } = await loaded()
      const isDone = await connection.run(fates, async () => state.keys.set(keysOf(set)))
      isDone ? model.isThere(set) : model.mayBeThere(set)
      return isDone
    },
    /** Reads all keys; so many `late` requests arrive in between. */
    async look({ fates, late = 0 }: { readonly fates?: FateOf; readonly late?: number } = {}): Promise<boolean> {
      const socket = await loaded()
      return connection.run(fates, () => look(socket, model, () => deliver(late)))
    },
  }
}

async function look({ state: { keys } }: Attachment, model: Model, between: () => Promise<void>) {
  const sessions = Object.entries(await keys.get('session', sessionIds))
  model.isSeen(Object.fromEntries(sessions.map(([id, session]) => [id, nameIn(session)])))
  await between()
  const kept = await keys.get('pre-key', preKeyIds)
  model.isSeen({ used: usedText(preKeyIds.filter((id) => !(id in kept))) })
}

export type FaultyCredentials = Awaited<ReturnType<typeof faultyCredentials>>

/** A former owner changes nothing, even when it still believes in its lease. */
async function expectFenced({ state, target }: Owner, lateOnesArrive: () => void): Promise<void> {
  const set = keysOf({ name: 'former-owner', sessions: sessionIds, used: preKeyIds, size: 0 })
  for (const isTrusted of [false, true]) {
    target.isTrusted = isTrusted
    // It repeats its unsettled write first, perhaps one of a single row.
    if (isTrusted) lateOnesArrive()
    const { state: given, failures } = attach(state)
    await expect(Promise.resolve(given.keys.set(set))).rejects.toThrow('Another host')
    expect(failures.map(({ close }) => close.reason)).toEqual(['closed'])
  }
  target.isTrusted = false
}
