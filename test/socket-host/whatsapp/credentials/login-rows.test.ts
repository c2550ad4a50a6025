/** Rows that the first read of a login brings along, because Baileys asks for them next. */
import { expect, test } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { CredentialStore } from '#shared/ports.ts'
import { type AuthState, loadAuthState } from '../../../../socket-host/whatsapp/credentials/auth-state.ts'
import { loginRows } from '../../../../socket-host/whatsapp/credentials/login-rows.ts'
import type { StoredTarget } from '../../../../socket-host/whatsapp/port.ts'
import { memoryCredentialStore } from '../../../fakes/memory-credential-store.ts'
import { aTarget } from '../whatsapp-rig.ts'
import { aPreKey, attach, log, storeIn } from './linked-auth-state.ts'

/** Ids of the session's own rows, by the identity of `linked-auth-state.ts`. */
const [phone, ownSession, lidSession] = ['79001234567', '79001234567.12', '123_1.12']
const text = (value: string) => Buffer.from(value)

/** Credentials that a successor has loaded, over a store that counts its calls and may lose an answer. */
async function takenOver(changes: Partial<StoredTarget> = {}) {
  const memory = memoryCredentialStore()
  const calls: (readonly string[])[] = []
  let losesAnswers = false
  const store: CredentialStore = {
    ...memory,
    read: async (ref, keys) => {
      calls.push(keys.map((key) => key.replace(/#.*/, '')))
      return memory.read(ref, keys)
    },
    write: async (ref, rows, epoch) => {
      const outcome = await memory.write(ref, rows, epoch)
      if (losesAnswers) throw new StoreUnavailable('dynamodb', new Error('The answer is lost'))
      return outcome
    },
  }
  const target = aTarget()
  const { keys } = attach(await storeIn(store, target)).state
  await keys.set({
    'pre-key': { 1: aPreKey(), 2: aPreKey() },
    'lid-mapping': { [phone]: '123', other: '456' },
    session: { [ownSession]: text('own'), [lidSession]: text('lid') },
  })
  const timers: { readonly ms: number; action(): void; isCancelled: boolean }[] = []
  const after = (ms: number, action: () => void) => {
    const timer = { ms, action, isCancelled: false }
    timers.push(timer)
    return () => {
      timer.isCancelled = true
    }
  }
  const successor = { ...target, epoch: target.epoch + 1, ...changes }
  const loaded = await loadAuthState(successor, { store, log, time: { after } })
  if (typeof loaded === 'string') throw new Error(loaded)
  calls.splice(0)
  return {
    ...{ state: loaded, timers, memory, target },
    /** Kinds of the rows of each read since the last call. */
    reads: () => calls.splice(0),
    loseAnswers: (is: boolean) => {
      losesAnswers = is
    },
  }
}

/** Reads what Baileys reads at a login, in its order. */
async function logIn(state: AuthState) {
  const attachment = attach(state)
  const { keys } = attachment.state
  const found = [
    Object.keys(await keys.get('pre-key', ['2'])),
    await keys.get('lid-mapping', [phone]),
    await keys.get('session', [ownSession]),
    await keys.get('session', [ownSession, lidSession]),
  ]
  return { ...attachment, keys, found }
}

const all = [
  ['2'],
  { [phone]: '123' },
  { [ownSession]: text('own') },
  { [ownSession]: text('own'), [lidSession]: text('lid') },
]
const ofLogin = ['pre-key', 'pre-key', 'lid-mapping', 'session', 'session']

test('each login reads its rows in one call', async () => {
  const { state, reads } = await takenOver()
  for (let logins = 0; logins < 2; logins++) {
    const { found, keys } = await logIn(state)
    expect([found, reads()]).toEqual([all, [ofLogin]])
    await keys.get('lid-mapping', ['other'])
    expect(reads()).toEqual([['lid-mapping']])
  }
})

test('a row of the login that does not exist is not asked for again', async () => {
  const { state, reads, memory, target } = await takenOver()
  for (const name of memory.rowsOf(target).keys()) if (name.startsWith('session#')) memory.rowsOf(target).delete(name)
  expect((await logIn(state)).found).toEqual([['2'], { [phone]: '123' }, {}, {}])
  expect(reads()).toEqual([ofLogin])
})

test('a row that is written is as written, also when it is too large to be known, and one that is deleted is gone', async () => {
  const { state, reads } = await takenOver()
  const { keys } = await logIn(state)
  const large = text('x'.repeat(9_000))
  await keys.set({ session: { [ownSession]: large, [lidSession]: null } })
  reads()
  expect(await keys.get('session', [ownSession, lidSession])).toEqual({ [ownSession]: large })
  expect(reads()).toEqual([['session']])
})

test('pre-keys are read each time, and before each write of pre-keys: one that was used does not come back', async () => {
  const { state, reads } = await takenOver()
  const { keys } = await logIn(state)
  reads()
  await keys.get('pre-key', ['2'])
  await keys.set({ 'pre-key': { 1: null } })
  expect(reads()).toEqual([
    ['pre-key', 'pre-key'],
    ['pre-key', 'pre-key'],
  ])
  expect(Object.keys(await keys.get('pre-key', ['1', '2']))).toEqual(['2'])
})

test('the read before a write of pre-keys brings nothing along', async () => {
  const { state, reads } = await takenOver()
  const { keys } = attach(state).state
  await keys.set({ 'pre-key': { 1: null } })
  expect(reads()).toEqual([['pre-key', 'pre-key']])
})

test('after a write of unknown outcome all rows of the login are read', async () => {
  const { state, reads, loseAnswers } = await takenOver()
  const { keys } = await logIn(state)
  loseAnswers(true)
  await expect(Promise.resolve(keys.set({ session: { other: text('x') } }))).rejects.toThrow('store failed')
  loseAnswers(false)
  reads()
  await keys.get('lid-mapping', [phone])
  await keys.get('session', [ownSession])
  expect(reads()).toEqual([['lid-mapping'], ['session']])
})

test('a host whose lease has run out reads the rows of its login', async () => {
  let isOwner = true
  const { state, reads } = await takenOver({ isOwner: () => isOwner })
  const { keys } = await logIn(state)
  reads()
  isOwner = false
  await keys.get('session', [ownSession])
  expect(reads()).toEqual([['session']])
})

test('rows of a login are kept for 10 s, and no longer than its socket', async () => {
  const { state, reads, timers } = await takenOver()
  const first = await logIn(state)
  expect(timers.map(({ ms }) => ms)).toEqual([10_000])
  timers[0]?.action()
  reads()
  await first.keys.get('session', [ownSession])
  expect(reads()).toEqual([['session']])
  const second = await logIn(state)
  second.release()
  expect(timers.map(({ isCancelled }) => isCancelled)).toEqual([true, true])
  const third = await logIn(state)
  reads()
  second.release()
  await third.keys.get('session', [ownSession])
  expect(reads()).toEqual([])
})

test('rows that arrive after the end of the login are not kept, and start no timer', async () => {
  const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, Uint8Array>>()
  let timers = 0
  const after = () => {
    timers += 1
    return () => {}
  }
  const rows = loginRows(
    () => ['a', 'b'],
    () => promise,
    after,
  )
  const end = rows.begin()
  const reading = rows.read(['a'], () => true)
  end()
  rows.begin()
  resolve(
    new Map([
      ['a', text('a')],
      ['b', text('b')],
    ]),
  )
  expect([...(await reading).keys()]).toEqual(['a'])
  expect([rows.find('b'), timers]).toEqual([undefined, 0])
})

test('what is kept keeps no other memory', async () => {
  const b = text('x'.repeat(300))
  expect(b.buffer.byteLength).toBeGreaterThan(300)
  const rows = loginRows(
    () => ['a', 'b'],
    async () => new Map([['b', b]]),
    () => () => {},
  )
  rows.begin()
  await rows.read(['a'], () => true)
  const kept = rows.find('b')
  expect(kept instanceof Uint8Array && kept.buffer.byteLength).toBe(300)
})
