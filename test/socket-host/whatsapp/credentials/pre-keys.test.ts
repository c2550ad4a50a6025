/** Pre-keys in their rows: big ones, and the small ones that replace them (R42, R64). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { CredentialStore } from '#shared/ports.ts'
import { decodeChunk, encodeChunk, type PreKey } from '../../../../socket-host/whatsapp/credentials/pre-key-chunks.ts'
import { rowCipher } from '../../../../socket-host/whatsapp/credentials/row-cipher.ts'
import { memoryCredentialStore } from '../../../fakes/memory-credential-store.ts'
import { seed } from '../../../support/seed.ts'
import { aTarget } from '../whatsapp-rig.ts'
import { attach, loadFrom, storeIn } from './linked-auth-state.ts'

/** A key that tells its id and its serial number, so that each one made is different. */
function keyMaker() {
  let serial = 0
  return (id: number): PreKey => {
    const bytes = Buffer.alloc(32)
    bytes.writeUInt32BE(++serial, 0)
    bytes.writeUInt32BE(id, 4)
    return { private: bytes, public: Buffer.from(bytes).reverse() }
  }
}
const aKey = keyMaker()
const privateOf = (key: PreKey) => Buffer.from(key.private).toString('hex')
const aRange = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** Linked credentials, over a store whose next write may fail before or after it has arrived. */
async function linked() {
  const memory = memoryCredentialStore()
  let fate: 'written' | 'lost' | 'answerLost' = 'written'
  const store: CredentialStore = {
    ...memory,
    async write(ref, rows, epoch) {
      const isNow = fate
      fate = 'written'
      if (isNow === 'lost') throw new StoreUnavailable('dynamodb', new Error('The request is lost'))
      const outcome = await memory.write(ref, rows, epoch)
      if (isNow === 'answerLost') throw new StoreUnavailable('dynamodb', new Error('The answer is lost'))
      return outcome
    },
  }
  const target = aTarget()
  const cipher = rowCipher(target.dataKey, target)
  let state = await storeIn(store, target)
  let { keys } = attach(state).state
  const names = () => [...memory.rowsOf(target).keys()].filter((name) => name.startsWith('pre-key#'))
  return {
    memory,
    names,
    /** Rows of the last write, and whether it wrote or deleted each of them. */
    lastWrite: () => (memory.writes.at(-1)?.rows ?? []).map(({ key, bytes }) => `${bytes ? 'put' : 'delete'} ${key}`),
    /** Stores a row as it is. */
    putRow: (name: string, ids: readonly number[], of: (id: number) => PreKey = aKey) => {
      const chunk = new Map(ids.map((id) => [id % 256, of(id)] as const))
      memory.rowsOf(target).set(name, cipher.seal(name, encodeChunk(chunk)))
      return chunk
    },
    set: async (changes: Readonly<Record<string, PreKey | null>>, isFated: typeof fate = 'written') => {
      fate = isFated
      await keys.set({ 'pre-key': changes })
    },
    idsOf: async (ids: readonly number[]) => Object.keys(await keys.get('pre-key', ids.map(String))).map(Number),
    get: async (ids: readonly number[]) => keys.get('pre-key', ids.map(String)),
    reconnect: () => {
      keys = attach(state).state.keys
    },
    /** A new process loads the credentials. */
    reload: async () => {
      state = await loadFrom(store, target)
      keys = attach(state).state.keys
    },
    /** Private keys in all stored rows; one that lies in two rows comes twice. */
    stored: () =>
      names().flatMap((name) => {
        const plaintext = cipher.open(name, memory.rowsOf(target).get(name) ?? Buffer.alloc(0))
        return plaintext ? [...decodeChunk(plaintext).values()].map(privateOf) : []
      }),
  }
}

const made = (ids: readonly number[]) => Object.fromEntries(ids.map((id) => [id, aKey(id)]))
const used = (...ids: readonly number[]) => Object.fromEntries(ids.map((id) => [id, null]))

describe('rows of pre-keys', () => {
  test('the 812 of a new link take four, which are written at once', async () => {
    const { set, names, get } = await linked()
    const keys = made(aRange(1, 812))
    await set(keys)
    expect(names()).toEqual(['pre-key#0', 'pre-key#1', 'pre-key#2', 'pre-key#3'])
    expect(await get(aRange(1, 812))).toEqual(keys)
  })

  test('the first use splits a big row, in one write, and later ones write a small row alone', async () => {
    const { set, names, lastWrite, idsOf } = await linked()
    await set(made(aRange(1, 812)))
    await set(used(800))
    expect(lastWrite()).toEqual(['delete pre-key#3', 'put pre-key#3.2', 'put pre-key#3.0', 'put pre-key#3.1'])
    expect(names()).toHaveLength(6)
    await set(used(801))
    expect(lastWrite()).toEqual(['put pre-key#3.2'])
    expect(await idsOf(aRange(1, 1000))).toEqual(aRange(1, 812).filter((id) => id !== 800 && id !== 801))
  })

  test('a small row of which all pre-keys are used is deleted', async () => {
    const { set, lastWrite, names } = await linked()
    await set(made([1, 2]))
    await set(used(1, 2))
    expect(lastWrite()).toEqual(['delete pre-key#0.0'])
    expect(names()).toEqual([])
  })

  test('a later upload of a few goes into small rows, also beside a big one, which it splits', async () => {
    const { set, lastWrite, names } = await linked()
    await set(made(aRange(768, 812)))
    expect(names()).toEqual(['pre-key#3'])
    await set(made(aRange(813, 817)))
    expect(names().sort()).toEqual(['pre-key#3.0', 'pre-key#3.1', 'pre-key#3.2', 'pre-key#3.3'])
    await set(made(aRange(818, 822)))
    expect(lastWrite()).toEqual(['put pre-key#3.3'])
  })

  test('a later upload of many goes into small rows where there are some, and else into a big one', async () => {
    const { set, names } = await linked()
    await set(made(aRange(250, 254)))
    await set(made(aRange(255, 600)))
    expect(names().sort()).toEqual(['pre-key#0.15', 'pre-key#1', 'pre-key#2'])
  })

  test('a small row counts where a big row has the same pre-keys, and a split does not replace it', async () => {
    const { putRow, get, set, names, idsOf, reload } = await linked()
    // As after a write of an earlier build, which knows big rows alone.
    const small = putRow('pre-key#0.1', [16, 17])
    putRow('pre-key#0', [1, 16, 18, 32])
    await reload()
    expect(await get([16])).toEqual({ 16: small.get(16) })
    expect(await idsOf([1, 16, 17, 18, 32])).toEqual([1, 16, 17, 32])
    await set(used(1))
    expect(names().sort()).toEqual(['pre-key#0.1', 'pre-key#0.2'])
    expect(await get([16])).toEqual({ 16: small.get(16) })
    expect(await idsOf([1, 16, 17, 18, 32])).toEqual([16, 17, 32])
  })
})

/** Ids of uploads are drawn from what comes next, those of uses from what was ever there. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('upload' as const), count: fc.constantFrom(5, 5, 17, 40, 300) }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('use' as const), which: fc.array(fc.nat(), { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reload' as const) }) },
)
const fate = fc.constantFrom('written' as const, 'written' as const, 'lost' as const, 'answerLost' as const)
const walks = fc.record({
  steps: fc.array(fc.record({ step, fate }), { minLength: 8, maxLength: 24, size: 'max' }),
  /** Rows that an earlier build has left: all of them big, however few pre-keys are in them. */
  old: fc.constantFrom(0, 9, 300, 812),
})

test(`pre-keys are a map, through uploads, uses, splits, failures and reloads, and a used one is stored nowhere (seed ${seed})`, async () => {
  const reached = new Set<string>()
  await fc.assert(
    fc.asyncProperty(walks, async ({ steps, old }) => {
      const it = await linked()
      const model = new Map<number, PreKey>()
      for (const chunk of [0, 1, 2, 3]) {
        const ids = aRange(Math.max(1, 256 * chunk), Math.min(old, 256 * chunk + 255))
        if (ids.length > 0)
          for (const [slot, key] of it.putRow(`pre-key#${chunk}`, ids)) model.set(256 * chunk + slot, key)
      }
      if (old > 0) await it.reload()
      let next = old + 1
      for (const { step: each, fate: isFated } of steps) {
        if (each.do === 'reload') {
          await it.get([1])
          await it.reload()
          continue
        }
        const ids = each.do === 'upload' ? aRange(next, next + each.count - 1) : each.which.map((id) => 1 + (id % next))
        const changes = each.do === 'upload' ? made(ids) : used(...ids)
        if (each.do === 'upload') next += each.count
        const before = it.names()
        const isDone = await it.set(changes, isFated).then(
          () => true,
          () => false,
        )
        // A write that failed is repeated before the next read.
        if (!isDone) it.reconnect()
        for (const id of ids) {
          const key = changes[id]
          if (key) model.set(id, key)
          else model.delete(id)
        }
        // As text, because comparing hundreds of keys deeply at each step would take most of the time.
        const found = Object.entries(await it.get(aRange(0, next))).map(([id, key]) => `${id} ${privateOf(key)}`)
        expect(found.sort()).toEqual([...model].map(([id, key]) => `${id} ${privateOf(key)}`).sort())
        expect(it.stored().sort(), 'no used one is kept').toEqual([...model.values()].map(privateOf).sort())
        if (before.some((name) => /#\d+$/.test(name) && !it.names().includes(name))) reached.add('split')
        reached.add(`${each.do} ${isDone ? 'succeeds' : 'fails'}`)
      }
    }),
    { numRuns: 25, seed, endOnFailure: true },
  )
  expect([...reached].sort()).toEqual(['split', 'upload fails', 'upload succeeds', 'use fails', 'use succeeds'])
})
