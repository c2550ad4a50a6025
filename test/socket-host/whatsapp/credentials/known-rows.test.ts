/** Rows that a session need not read or write, because it has written them itself. */
import { expect, test } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { CredentialStore } from '#shared/ports.ts'
import { freshAuthState } from '../../../../socket-host/whatsapp/credentials/auth-state.ts'
import { knownRows } from '../../../../socket-host/whatsapp/credentials/known-rows.ts'
import type { StoredTarget } from '../../../../socket-host/whatsapp/port.ts'
import { memoryCredentialStore } from '../../../fakes/memory-credential-store.ts'
import { aTarget } from '../whatsapp-rig.ts'
import { aPreKey, attach, link, loadFrom, log, storeIn } from './linked-auth-state.ts'

/** Credentials of a new link, over a store that tells what is read and written. */
async function linked(changes: Partial<StoredTarget> = {}) {
  const memory = memoryCredentialStore()
  const read: string[] = []
  const written: string[] = []
  let isAway = false
  const store: CredentialStore = {
    ...memory,
    read: (ref, keys) => {
      read.push(...keys.map(kindOf))
      return memory.read(ref, keys)
    },
    write: async (ref, rows, epoch) => {
      written.push(...rows.map(({ key }) => kindOf(key)))
      if (isAway) throw new StoreUnavailable('dynamodb', new Error('The answer is lost'))
      return memory.write(ref, rows, epoch)
    },
  }
  const target = aTarget(changes)
  const state = await storeIn(store, target)
  const since = (calls: string[]) => calls.splice(0)
  since(written)
  return {
    ...{ memory, store, target, state },
    /** Kinds of the rows that were read, or written, since the last call. */
    read: () => since(read),
    written: () => since(written),
    away: (is: boolean) => {
      isAway = is
    },
  }
}

/** Kinds of the rows that the first read of a login brings along. */
const ofLogin = ['lid-mapping', 'session', 'session']
const kindOf = (key: string) => key.replace(/#.*/, '')
const text = (value: string) => Buffer.from(value)

test('a new link reads nothing: what it has not written is not there', async () => {
  const { state, read } = await linked()
  const { keys } = attach(state).state
  const preKeys = Object.fromEntries(Array.from({ length: 812 }, (_, index) => [`${index + 1}`, aPreKey()]))
  await keys.set({ 'pre-key': preKeys })
  expect(await keys.get('session', ['a'])).toEqual({})
  expect(Object.keys(await keys.get('pre-key', ['812', '813']))).toEqual(['812'])
  expect(read()).toEqual([])
  // The rows of the others are too large to be kept.
  expect(Object.keys(await keys.get('pre-key', ['1']))).toEqual(['1'])
  expect(read()).toEqual(['pre-key'])
})

test('the next socket reads what is not known, and no more', async () => {
  const { store, target, state, read } = await linked()
  await attach(state).state.keys.set({ 'lid-mapping': { a: '1' }, 'device-list': { a: ['0'] } })
  const next = attach(state).state.keys
  expect([await next.get('lid-mapping', ['a']), await next.get('device-list', ['a'])]).toEqual([
    { a: '1' },
    { a: ['0'] },
  ])
  expect(read()).toEqual([])
  const loaded = attach(await loadFrom(store, target)).state.keys
  expect(await loaded.get('lid-mapping', ['a'])).toEqual({ a: '1' })
  expect(read()).toEqual(['lid-mapping', ...ofLogin])
})

test('what is stored as it is, is not written again; a change and a deletion are', async () => {
  const { store, target, state, written } = await linked()
  for (const given of [state, await loadFrom(store, target)]) {
    const { state: attached, credsChanged } = attach(given)
    credsChanged()
    await given.flush()
    expect(written()).toEqual([])
    given.creds.accountSyncCounter += 1
    credsChanged()
    await given.flush()
    expect(written()).toEqual(['creds'])
    await attached.keys.set({ 'device-list': { a: ['0'] } })
    await attached.keys.set({ 'device-list': { a: ['0'] } })
    expect(written()).toEqual(['device-list'])
    await attached.keys.set({ 'device-list': { a: null } })
    await attached.keys.set({ 'device-list': { a: null } })
    expect(written()).toEqual(['device-list', 'device-list'])
  }
})

test('a row that was only read is read, and written, again: a late write of the last owner may have replaced it', async () => {
  const { memory, store, target, state, read, written } = await linked()
  const former = attach(state).state.keys
  await former.set({ session: { a: text('late') } })
  const late = new Map(memory.rowsOf(target))
  await former.set({ session: { a: text('old') } })
  const arrivesLate = () => {
    for (const [key, bytes] of late) if (key.startsWith('session#')) memory.rowsOf(target).set(key, bytes)
  }
  const { keys } = attach(await loadFrom(store, { ...target, epoch: target.epoch + 1 })).state
  written()
  expect(await keys.get('session', ['a'])).toEqual({ a: text('old') })
  arrivesLate()
  expect(await keys.get('session', ['a'])).toEqual({ a: text('late') })
  expect(read()).toEqual(['session', ...ofLogin, 'session'])
  written()
  await keys.set({ session: { a: text('late') } })
  expect(written()).toEqual(['session'])
})

test('after a write of unknown outcome its rows are read', async () => {
  const { state, read, written, away } = await linked()
  const first = attach(state).state.keys
  await first.set({ session: { a: text('old') } })
  away(true)
  await expect(Promise.resolve(first.set({ session: { a: text('new') } }))).rejects.toThrow('store failed')
  away(false)
  written()
  expect(await attach(state).state.keys.get('session', ['a'])).toEqual({ a: text('new') })
  expect([written(), read()]).toEqual([['session'], ['session']])
})

test('a second try to store a link does not take rows for absent that the first may have written', async () => {
  const { memory, store, target } = await linked()
  let isLost = true
  const reads: string[] = []
  const losing: CredentialStore = {
    ...store,
    read: (ref, keys) => {
      reads.push(...keys.map(kindOf))
      return memory.read(ref, keys)
    },
    write: async (ref, rows, epoch) => {
      const outcome = await memory.write(ref, rows, epoch)
      if (isLost) throw new StoreUnavailable('dynamodb', new Error('The answer is lost'))
      return outcome
    },
  }
  const fresh = freshAuthState({ store: losing, log })
  link(fresh.creds)
  const { keys } = attach(fresh).state
  await keys.set({ session: { a: text('x') } })
  const again = { ...target, generation: 'another' }
  await expect(fresh.persist(again)).rejects.toThrow('unavailable')
  isLost = false
  await keys.set({ session: { a: null } })
  expect(await fresh.persist(again)).toBe('written')
  await keys.get('session', ['a'])
  expect(reads[0]).toBe('session')
})

test('a host whose lease has run out relies on nothing that it knows', async () => {
  let isOwner = true
  const { state, read } = await linked({ isOwner: () => isOwner })
  const { keys } = attach(state).state
  await keys.set({ session: { a: text('old') } })
  isOwner = false
  await keys.get('session', ['a', 'b'])
  expect(read()).toEqual(['session', 'session'])
  await expect(Promise.resolve(keys.set({ session: { a: text('old') } }))).rejects.toThrow('Another host')
})

test('what is kept is bounded, in rows and in bytes, and so are the names of a new generation', async () => {
  const { state, read } = await linked()
  const { keys } = attach(state).state
  const get = async (id: string) => Object.keys(await keys.get('session', [id]))
  for (let index = 0; index < 16; index++) await keys.set({ session: { [index]: text('x') } })
  await get('0')
  await keys.set({ session: { 16: text('x') } })
  expect([await get('0'), await get('16'), read()]).toEqual([['0'], ['16'], []])
  expect([await get('1'), read()]).toEqual([['1'], ['session']])
  await keys.set({ session: { large: text('x'.repeat(5_900)) } })
  expect([await get('0'), await get('5'), read()]).toEqual([['0'], ['5'], ['session']])
  expect([await get('none'), read()]).toEqual([[], []])
  await keys.set({ session: Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`n${index}`, text('x')])) })
  expect([await get('none'), read()]).toEqual([[], ['session']])
})

test('what is kept keeps no other memory: a small Buffer is a view of a pool that all others share', () => {
  const plaintext = text('x'.repeat(300))
  expect(plaintext.buffer.byteLength).toBeGreaterThan(300)
  const known = knownRows({ stored: [{ key: 'loaded', plaintext }] })
  known.written([{ key: 'written', plaintext }])
  for (const key of ['loaded', 'written']) {
    const found = known.find(key)
    expect(found instanceof Uint8Array && found.buffer.byteLength).toBe(300)
  }
})
