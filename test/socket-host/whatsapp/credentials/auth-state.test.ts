import { randomBytes } from 'node:crypto'
import { type AuthenticationCreds, proto, type SignalDataTypeMap } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AuthState,
  freshAuthState,
  loadAuthState,
} from '../../../../socket-host/whatsapp/credentials/auth-state.ts'
import { encodeJson } from '../../../../socket-host/whatsapp/credentials/buffer-json.ts'
import { rowCipher } from '../../../../socket-host/whatsapp/credentials/row-cipher.ts'
import type { StoredTarget } from '../../../../socket-host/whatsapp/port.ts'
import { memoryCredentialStore } from '../../../fakes/memory-credential-store.ts'
import { aTarget } from '../whatsapp-rig.ts'
import { aPreKey, attach, link, loadFrom, log, storeIn } from './linked-auth-state.ts'

async function stored(changes: Partial<StoredTarget> = {}) {
  const store = memoryCredentialStore()
  const target = aTarget(changes)
  const state = await storeIn(store, target)
  return { store, target, state, load: () => loadFrom(store, target), deps: { store, log } }
}

describe('stored credentials', () => {
  test('come back as they were, with real Buffers', async () => {
    const { state, load } = await stored()
    const { creds } = await load()
    expect(encodeJson(creds)).toEqual(encodeJson(state.creds))
    expect(creds.noiseKey.private).toBeInstanceOf(Buffer)
    expect(creds.account?.accountSignature).toBeInstanceOf(Buffer)
  })

  test('are written at once, with all keys of the attempt; later keys are written there too', async () => {
    const store = memoryCredentialStore()
    const target = aTarget()
    const state = freshAuthState({ store, log })
    const { keys } = attach(state).state
    await keys.set({ 'pre-key': { 1: aPreKey(), 256: aPreKey() }, tctoken: { a: { token: Buffer.from('t') } } })
    expect(store.writes).toHaveLength(0)
    link(state.creds)
    expect(await state.persist(target)).toBe('written')
    expect(store.writes.map(({ rows }) => rows.length)).toEqual([4])
    await keys.set({ 'lid-mapping': { 79001234567: '123' } })
    expect(store.writes).toHaveLength(2)
    expect(await keys.get('lid-mapping', ['79001234567', 'unknown'])).toEqual({ 79001234567: '123' })
    expect(Object.keys(await keys.get('pre-key', ['1', '2', '256']))).toEqual(['1', '256'])
  })

  test('that are not linked are never written', async () => {
    const store = memoryCredentialStore()
    const state = freshAuthState({ store, log })
    state.creds.me = { id: '79001234567@s.whatsapp.net' }
    await expect(state.persist(aTarget())).rejects.toThrow('Only linked')
    expect(store.writes).toHaveLength(0)
  })

  test('are stored under one generation only', async () => {
    const { state } = await stored()
    await expect(state.persist(aTarget())).rejects.toThrow('stored once')
  })

  test('show no phone in any row or row key', async () => {
    const { store, target, state } = await stored()
    await attach(state).state.keys.set({ session: { '79001234567.0': Buffer.from('79001234567') } })
    for (const [key, bytes] of store.rowsOf(target)) {
      expect(key).not.toContain('79001234567')
      expect(Buffer.from(bytes).includes('79001234567')).toBe(false)
    }
  })
})

describe('loading', () => {
  test('finds nothing: what was linked is damaged', async () => {
    expect(await loadAuthState(aTarget(), { store: memoryCredentialStore(), log })).toBe('damaged')
  })

  test('takes one read, and stamps the epoch: the predecessor is fenced', async () => {
    const { store, target, deps } = await stored()
    const successor = { ...target, epoch: target.epoch + 1 }
    const reads = store.reads()
    await loadAuthState(successor, deps)
    expect(store.reads() - reads).toBe(1)
    expect(await loadAuthState(target, deps)).toBe('fenced')
    const late = freshAuthState(deps)
    link(late.creds)
    expect(await late.persist(target)).toBe('fenced')
  })

  test('is refused to a host whose lease has run out', async () => {
    const { target, deps } = await stored()
    expect(await loadAuthState({ ...target, isOwner: () => false }, deps)).toBe('fenced')
  })

  const spoiled: readonly (readonly [string, 'damaged' | 'unreadable', (creds: AuthenticationCreds) => unknown])[] = [
    ['no account', 'unreadable', ({ account: _, ...rest }) => rest],
    [
      'no device part in the identity',
      'unreadable',
      (creds) => ({ ...creds, me: { id: '79001234567@s.whatsapp.net' } }),
    ],
    ['no identity', 'unreadable', ({ me: _, ...rest }) => rest],
    ['no Signal identities', 'unreadable', (creds) => ({ ...creds, signalIdentities: [] })],
    // A schema that does not fit may be a fault of this build: nothing may be replaced for it (R47).
    ['no noise key', 'unreadable', ({ noiseKey: _, ...rest }) => rest],
    [
      'half a private key',
      'unreadable',
      (creds) => ({ ...creds, noiseKey: { ...creds.noiseKey, private: randomBytes(16) } }),
    ],
    [
      'a key that is text',
      'unreadable',
      (creds) => ({ ...creds, noiseKey: { ...creds.noiseKey, private: 'x'.repeat(32) } }),
    ],
    ['no pre-key counter', 'unreadable', ({ nextPreKeyId: _, ...rest }) => rest],
    ['nothing', 'unreadable', () => ({})],
    ['null', 'unreadable', () => null],
  ]
  test.each(spoiled)('%s is %s', async (_what, expected, spoil) => {
    const { store, target, state, deps } = await stored()
    const sealed = rowCipher(target.dataKey, target).seal('creds', encodeJson(spoil(state.creds)))
    store.rowsOf(target).set('creds', sealed)
    expect(await loadAuthState(target, deps)).toBe(expected)
  })

  test.each([
    [
      'text that is no JSON',
      'damaged',
      (target: StoredTarget) => rowCipher(target.dataKey, target).seal('creds', Buffer.from('{')),
    ],
    ['a row whose tag does not match', 'damaged', () => Buffer.concat([Buffer.of(1), randomBytes(60)])],
    ['plain text', 'unreadable', () => Buffer.from('{"noiseKey":{}}')],
    ['no bytes', 'unreadable', () => Buffer.alloc(0)],
  ])('%s is %s', async (_what, expected, row) => {
    const { store, target, state, deps } = await stored()
    await attach(state).state.keys.set({ session: { '79161234567.0': Buffer.from('a session') } })
    store.rowsOf(target).set('creds', row(target))
    expect(await loadAuthState(target, deps)).toBe(expected)
  })

  test('a key that opens no row at all makes nothing damaged: it may be the wrong key (R47)', async () => {
    const { target, deps } = await stored()
    expect(await loadAuthState({ ...target, dataKey: randomBytes(32) }, deps)).toBe('unreadable')
  })

  test('the row of another company does not open', async () => {
    const [one, other] = [await stored(), await stored({ companyId: 'c2' })]
    await attach(one.state).state.keys.set({ session: { '79161234567.0': Buffer.from('a session') } })
    const foreign = other.store.rowsOf(other.target).get('creds') ?? Buffer.alloc(0)
    one.store.rowsOf(one.target).set('creds', foreign)
    expect(await loadAuthState(one.target, one.deps)).toBe('damaged')
  })
})

describe('keys', () => {
  test('of every type come back as they were', async () => {
    const { state } = await stored()
    const { keys } = attach(state).state
    const values: { [T in keyof SignalDataTypeMap]: SignalDataTypeMap[T] } = {
      'pre-key': aPreKey(),
      session: Buffer.from('session'),
      'sender-key': Buffer.from('sender'),
      'sender-key-memory': { '79001234567@s.whatsapp.net': true },
      'app-state-sync-key': proto.Message.AppStateSyncKeyData.fromObject({
        keyData: randomBytes(32),
        fingerprint: { rawId: 1, currentIndex: 2, deviceIndexes: [0, 1] },
        timestamp: 1_700_000_000_000,
      }),
      'app-state-sync-version': {
        version: 3,
        hash: randomBytes(128),
        indexValueMap: { 'a+/=': { valueMac: randomBytes(32) } },
      },
      'lid-mapping': '123',
      'device-list': ['0', '12'],
      tctoken: { token: randomBytes(8), timestamp: '1' },
      'identity-key': randomBytes(33),
    }
    const entries = Object.entries(values).map(([type, value]) => [type, { 7: value }])
    await keys.set(Object.fromEntries(entries))
    for (const type of keysOf(values)) expect(await keys.get(type, ['7'])).toEqual({ 7: values[type] })
  })

  test('behave like a map, through any sets, deletes and reloads, in memory and stored', async () => {
    const ids = {
      'pre-key': ['1', '2', '255', '256', '257', '512', '812'],
      session: ['a', 'b', 'c'],
      'device-list': ['a', 'b'],
    }
    const change = fc.record({
      type: fc.constantFrom('pre-key', 'session', 'device-list'),
      id: fc.nat({ max: 6 }),
      isDeleted: fc.boolean(),
    })
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('set'), changes: fc.array(change, { maxLength: 8 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('reload'), changes: fc.constant([]) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('persist'), changes: fc.constant([]) }) },
    )
    const aValue = (type: string) => (type === 'pre-key' ? aPreKey() : type === 'session' ? randomBytes(9) : ['0'])
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const deps = { store: memoryCredentialStore(), log }
        const target = aTarget()
        const model = new Map<string, unknown>()
        let state: AuthState = freshAuthState(deps)
        let isStored = false
        link(state.creds)
        let attached = attach(state)
        for (const { do: action, changes } of steps) {
          if (action === 'persist' && !isStored) isStored = (await state.persist(target)) === 'written'
          if (action === 'reload' && isStored) {
            const loaded = await loadAuthState(target, deps)
            if (typeof loaded === 'string') throw new Error(loaded)
            state = loaded
            attached = attach(state)
          }
          const data: Record<string, Record<string, unknown>> = {}
          for (const { type, id: index, isDeleted } of changes) {
            const known = ids[type]
            const id = known[index % known.length] ?? ''
            const value = isDeleted ? null : aValue(type)
            data[type] = { ...data[type], [id]: value }
            model.set(`${type} ${id}`, value)
          }
          await attached.state.keys.set(data)
          for (const type of keysOf(ids)) {
            const expected = ids[type].filter((id) => model.get(`${type} ${id}`))
            const got = await attached.state.keys.get(type, ids[type])
            expect(got).toEqual(Object.fromEntries(expected.map((id) => [id, model.get(`${type} ${id}`)])))
          }
        }
        expect(attached.failures).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  test('of two sets at once into one row are both kept', async () => {
    const { state } = await stored()
    const { keys } = attach(state).state
    await Promise.all([keys.set({ 'pre-key': { 1: aPreKey() } }), keys.set({ 'pre-key': { 2: aPreKey() } })])
    expect(Object.keys(await keys.get('pre-key', ['1', '2']))).toEqual(['1', '2'])
  })

  test('that were altered or moved count as absent', async () => {
    const { store, target, state, load } = await stored()
    await attach(state).state.keys.set({
      session: { a: Buffer.from('A'), b: Buffer.from('B') },
      'pre-key': { 1: aPreKey(), 256: aPreKey() },
    })
    const rows = store.rowsOf(target)
    const [a = '', b = ''] = [...rows.keys()].filter((key) => key.startsWith('session#'))
    rows.set(a, rows.get(b) ?? Buffer.alloc(0))
    rows.set('pre-key#0.0', rows.get('pre-key#1.0') ?? Buffer.alloc(0))
    const { keys } = attach(await load()).state
    expect(Object.keys(await keys.get('session', ['a', 'b']))).toHaveLength(1)
    expect(Object.keys(await keys.get('pre-key', ['1', '256']))).toEqual(['256'])
  })

  test('with any id that a contact may name are absent if they do not exist', async () => {
    const { state } = await stored()
    const { state: given, failures } = attach(state)
    expect(await given.keys.get('pre-key', ['0', '4294967295', 'NaN', ''])).toEqual({})
    expect(failures).toEqual([])
  })
})

describe('changes of the creds', () => {
  test('are collected into one write', async () => {
    const { store, state, load } = await stored()
    const { credsChanged } = attach(state)
    for (let counter = 1; counter <= 12; counter += 1) {
      state.creds.accountSyncCounter = counter
      credsChanged()
    }
    await state.flush()
    expect(store.writes).toHaveLength(2)
    expect((await load()).creds.accountSyncCounter).toBe(12)
    await state.flush()
    expect(store.writes).toHaveLength(2)
  })

  test('go into the same write as the keys that they belong to', async () => {
    const { store, state } = await stored()
    const { state: given, credsChanged } = attach(state)
    state.creds.nextPreKeyId = 3
    credsChanged()
    await given.keys.set({ 'pre-key': { 1: aPreKey(), 2: aPreKey() } })
    expect(store.writes.at(-1)?.rows.map(({ key }) => key)).toEqual(['pre-key#0.0', 'creds'])
    await state.flush()
    expect(store.writes).toHaveLength(2)
  })
})

describe('a write that fails', () => {
  test('is reported to socket, caller and flush; the creds are saved when the store is back', async () => {
    const { store, state, load } = await stored()
    const first = attach(state)
    store.breakDown()
    state.creds.accountSyncCounter = 7
    first.credsChanged()
    await expect(Promise.resolve(first.state.keys.set({ session: { a: Buffer.from('A') } }))).rejects.toThrow(
      'store failed',
    )
    expect(first.failures.map(({ close }) => close.reason)).toEqual(['lost'])
    await expect(state.flush()).rejects.toThrow('store failed')

    store.repair()
    attach(state)
    await state.flush()
    expect((await load()).creds.accountSyncCounter).toBe(7)
  })

  test('a read that fails is reported too', async () => {
    const { store, load } = await stored()
    const { state: given, failures } = attach(await load())
    store.breakDown()
    await expect(Promise.resolve(given.keys.get('session', ['a']))).rejects.toThrow('store failed')
    expect(failures.map(({ close }) => close.reason)).toEqual(['lost'])
  })

  test.each([
    ['after a higher epoch has written', false],
    ['after the lease has run out', true],
  ])('%s nothing is written, and the socket is closed', async (_when, isLeaseLost) => {
    let isOwner = true
    const { store, target, state } = await stored({ isOwner: () => isOwner })
    const { state: given, failures } = attach(state)
    if (isLeaseLost) isOwner = false
    else await store.load(target, 'creds', target.epoch + 1)
    const rows = new Map(store.rowsOf(target))
    await expect(Promise.resolve(given.keys.set({ session: { a: Buffer.from('A') } }))).rejects.toThrow('Another host')
    expect(failures.map(({ close }) => close.reason)).toEqual(['closed'])
    expect(store.rowsOf(target)).toEqual(rows)
  })
})

describe('a socket that is gone', () => {
  test('reads and writes nothing more', async () => {
    const { store, state } = await stored()
    const old = attach(state)
    old.release()
    attach(state)
    await expect(Promise.resolve(old.state.keys.set({ session: { a: null } }))).rejects.toThrow('closed')
    await expect(Promise.resolve(old.state.keys.get('session', ['a']))).rejects.toThrow('closed')
    old.credsChanged()
    await state.flush()
    expect(store.writes).toHaveLength(1)
  })

  test('or about to unlink its device, stores nothing, without a failure', async () => {
    const { store, state } = await stored()
    const { state: given, discard, credsChanged, failures } = attach(state)
    discard()
    credsChanged()
    await given.keys.set({ session: { a: Buffer.from('A') } })
    await state.flush()
    expect(store.writes).toHaveLength(1)
    expect(failures).toEqual([])
  })
})

const keysOf = <T extends object>(value: T) => Object.keys(value) as (keyof T)[]
