/** Writes of credentials of which nobody knows whether they have been written (R64). */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { CredentialRow, CredentialStore } from '#shared/ports.ts'
import type { StoredTarget } from '../../../../socket-host/whatsapp/port.ts'
import { memoryCredentialStore } from '../../../fakes/memory-credential-store.ts'
import { aTarget } from '../whatsapp-rig.ts'
import { aPreKey, attach, loadFrom, storeIn } from './linked-auth-state.ts'

/** Fate of a write: rows up to `half` are written, then it throws. */
type Fate = { readonly half: number } | 'written'

/** Credentials with a session and pre-keys, over a store whose next write ends as the test wants. */
async function stored(changes: Partial<StoredTarget> = {}) {
  const memory = memoryCredentialStore()
  const fates: Fate[] = []
  const calls: string[] = []
  let hold: Promise<void> = Promise.resolve()
  const store: CredentialStore = {
    ...memory,
    async read(ref, keys) {
      calls.push('read')
      await hold
      return memory.read(ref, keys)
    },
    async write(ref, rows, epoch) {
      calls.push('write')
      await hold
      const fate = fates.shift() ?? 'written'
      if (fate === 'written') return memory.write(ref, rows, epoch)
      await memory.write(ref, rows.slice(0, fate.half), epoch)
      throw new StoreUnavailable('dynamodb', new Error('The answer is lost'))
    },
  }
  const target = aTarget(changes)
  const first = attach(await storeIn(store, target)).state
  await first.keys.set({ session: { a: Buffer.from('old') }, 'pre-key': { 1: aPreKey(), 2: aPreKey() } })
  // Loaded, so that the rows are read: a session knows those that it has written itself.
  const state = await loadFrom(store, target)
  const socket = attach(state)
  calls.length = 0
  return {
    ...{ memory, store, target, state, socket, calls },
    failNextWrite: (half = 1) => fates.push({ half }),
    /** Makes every call of the store wait until the returned function is called. */
    holdUp: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      hold = promise
      return resolve
    },
  }
}

const useKey = { session: { a: Buffer.from('new') }, 'pre-key': { 1: null } }
const keysIn = async (socket: ReturnType<typeof attach>) => ({
  session: (await socket.state.keys.get('session', ['a']))['a']?.toString(),
  preKeys: Object.keys(await socket.state.keys.get('pre-key', ['1', '2'])),
})
const rowKeys = (rows: readonly CredentialRow[] | undefined) => rows?.map(({ key }) => key)
const failed = (promise: void | Promise<void>) => expect(Promise.resolve(promise)).rejects.toThrow('store failed')

test('a write that the store refuses for good is not repeated: later ones would never succeed', async () => {
  const { store, socket } = await stored()
  const { write } = store
  Object.assign(store, { write: () => Promise.reject(new Error('Not a valid key of a row')) })
  await failed(socket.state.keys.set(useKey))
  Object.assign(store, { write })
  expect(await keysIn(socket)).toEqual({ session: 'old', preKeys: ['1', '2'] })
})

describe('a write of unknown outcome', () => {
  test.each([0, 1, 2])(
    'of which %i rows have arrived is repeated before the next read, also of the next socket',
    async (half) => {
      const { memory, state, socket, calls, failNextWrite } = await stored()
      failNextWrite(half)
      await failed(socket.state.keys.set(useKey))
      socket.release()
      const next = attach(state)
      expect(await keysIn(next)).toEqual({ session: 'new', preKeys: ['2'] })
      expect(next.failures).toEqual([])
      expect(calls).toEqual(['read', 'write', 'write', 'read', 'read'])
      expect(rowKeys(memory.writes.at(-1)?.rows)).toEqual(['pre-key#0.0', expect.stringContaining('session#')])
    },
  )

  test('is repeated before the next write reads the pre-keys: a used one does not come back', async () => {
    const { store, target, socket, failNextWrite } = await stored()
    failNextWrite(0)
    await failed(socket.state.keys.set(useKey))
    await socket.state.keys.set({ 'pre-key': { 3: aPreKey() } })
    expect(await keysIn(attach(await loadFrom(store, target)))).toEqual({ session: 'new', preKeys: ['2'] })
  })

  test('is repeated by flush, which still reports it to the socket that has failed', async () => {
    const { store, target, state, socket, failNextWrite } = await stored()
    failNextWrite(0)
    await failed(socket.state.keys.set(useKey))
    await expect(state.flush()).rejects.toThrow('store failed')
    expect(await keysIn(attach(await loadFrom(store, target)))).toEqual({ session: 'new', preKeys: ['2'] })
    attach(state)
    await state.flush()
  })

  test('is repeated once for all reads that wait for it', async () => {
    const { state, socket, calls, failNextWrite } = await stored()
    failNextWrite(0)
    await failed(socket.state.keys.set(useKey))
    const next = attach(state)
    await Promise.all([keysIn(next), keysIn(next), keysIn(next)])
    expect(calls.filter((call) => call === 'write')).toHaveLength(2)
  })

  test('is repeated until it succeeds: until then reads and writes fail', async () => {
    const { memory, state, socket, failNextWrite } = await stored()
    failNextWrite(1)
    await failed(socket.state.keys.set(useKey))
    memory.breakDown()
    const second = attach(state)
    await expect(keysIn(second)).rejects.toThrow('store failed')
    await failed(second.state.keys.set({ session: { b: Buffer.from('B') } }))
    expect(second.failures.map(({ close }) => close.reason)).toEqual(['lost', 'lost'])
    memory.repair()
    const third = attach(state)
    expect(await keysIn(third)).toEqual({ session: 'new', preKeys: ['2'] })
    expect(await third.state.keys.get('session', ['b'])).toEqual({})
  })

  test('and of all credentials is followed by the creds that it held', async () => {
    const { store, target, state, socket, failNextWrite } = await stored()
    failNextWrite(0)
    state.creds.accountSyncCounter = 7
    socket.credsChanged()
    await failed(socket.state.keys.set(useKey))
    state.creds.accountSyncCounter = 8
    attach(state)
    await state.flush()
    expect((await loadFrom(store, target)).creds.accountSyncCounter).toBe(8)
  })

  test.each(['read', 'write', 'flush'] as const)(
    'is not repeated once the lease is over: the %s ends the session',
    async (how) => {
      let isOwner = true
      const { memory, state, socket, failNextWrite } = await stored({ isOwner: () => isOwner })
      failNextWrite(1)
      await failed(socket.state.keys.set(useKey))
      isOwner = false
      const writes = memory.writes.length
      const next = attach(state)
      const ends = {
        read: () => keysIn(next),
        write: async () => next.state.keys.set({ session: { b: null } }),
        flush: () => state.flush(),
      }
      await expect(ends[how]()).rejects.toThrow('Another host')
      expect(next.failures.map(({ close }) => close.reason)).toEqual(['closed'])
      expect(memory.writes).toHaveLength(writes)
    },
  )

  test('is not repeated over what a host of a higher epoch has loaded', async () => {
    const { memory, store, target, state, socket, failNextWrite } = await stored()
    failNextWrite(0)
    await failed(socket.state.keys.set(useKey))
    const successor = await loadFrom(store, { ...target, epoch: target.epoch + 1 })
    const writes = memory.writes.length
    const next = attach(state)
    await expect(keysIn(next)).rejects.toThrow('Another host')
    expect(next.failures.map(({ close }) => close.reason)).toEqual(['closed'])
    expect(memory.writes).toHaveLength(writes)
    expect(await keysIn(attach(successor))).toEqual({ session: 'old', preKeys: ['1', '2'] })
  })

  test('is repeated for a socket that is about to unlink its device, which stores nothing else', async () => {
    const { memory, state, socket, failNextWrite } = await stored()
    failNextWrite(1)
    await failed(socket.state.keys.set(useKey))
    const next = attach(state)
    next.discard()
    const writes = memory.writes.length
    await next.state.keys.set({ session: { b: Buffer.from('B') } })
    expect(memory.writes).toHaveLength(writes)
    expect(await keysIn(next)).toEqual({ session: 'new', preKeys: ['2'] })
    expect(memory.writes).toHaveLength(writes + 1)
  })

  test('is not repeated for a socket that is gone', async () => {
    const { memory, socket, failNextWrite } = await stored()
    failNextWrite(1)
    await failed(socket.state.keys.set(useKey))
    socket.release()
    const writes = memory.writes.length
    await expect(keysIn(socket)).rejects.toThrow('closed')
    expect(memory.writes).toHaveLength(writes)
  })
})

describe('reads and writes at once', () => {
  test('a read waits for the write before it', async () => {
    const { socket, calls, holdUp } = await stored()
    const goOn = holdUp()
    const written = Promise.resolve(socket.state.keys.set({ session: { a: Buffer.from('new') } }))
    const read = keysIn(socket)
    await nextTurn()
    expect(calls).toEqual(['write'])
    goOn()
    await written
    expect(await read).toMatchObject({ session: 'new' })
  })

  test('a read that waits for a write that fails repeats it', async () => {
    const { socket, failNextWrite } = await stored()
    failNextWrite(1)
    const written = failed(socket.state.keys.set(useKey))
    expect(await keysIn(socket)).toEqual({ session: 'new', preKeys: ['2'] })
    await written
  })

  test('reads do not wait for each other, and a write waits for them', async () => {
    const { socket, calls, holdUp } = await stored()
    const goOn = holdUp()
    const reads = ['a', 'b'].map(async (id) => socket.state.keys.get('session', [id]))
    const written = socket.state.keys.set({ session: { a: Buffer.from('new') } })
    await nextTurn()
    expect(calls).toEqual(['read', 'read'])
    goOn()
    const [first] = await Promise.all(reads)
    expect(first?.['a']?.toString()).toBe('old')
    await written
    expect(calls).toEqual(['read', 'read', 'write'])
  })

  test('a read that fails stops no write', async () => {
    const { memory, socket, state } = await stored()
    memory.breakDown()
    const read = keysIn(socket)
    await expect(read).rejects.toThrow('store failed')
    memory.repair()
    attach(state)
    await socket.state.keys.set({ session: { a: Buffer.from('new') } })
    expect(await keysIn(socket)).toMatchObject({ session: 'new' })
  })
})
