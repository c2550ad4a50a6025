/** Contract of `CredentialStore` (R12, R42). */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CredentialRow, CredentialStore, GenerationRef } from '#shared/ports.ts'

export type CredentialStoreSetUp = {
  /** Makes a storage without rows; `open` connects to it as another host would (a fake may return the same store). */
  make(): Promise<{
    open(): CredentialStore
    /** Puts something into the generation that no store has written. */
    spoil(ref: GenerationRef): Promise<void>
  }>
  readonly runs: number
}

const ref: GenerationRef = { companyId: 'company-1', generation: '01JD8ZC0N6G6Y1ZQ2V5J2K3M4N' }
const text = (value: string) => new TextEncoder().encode(value)
const row = (key: string, value: string | undefined): CredentialRow => ({
  key,
  bytes: value === undefined ? undefined : text(value),
})
const rows = (values: Readonly<Record<string, string | undefined>>) =>
  Object.entries(values).map(([key, value]) => row(key, value))

/** Turns a `Buffer` into a plain array of bytes, for comparisons. */
const plain = <T>(value: T) => (value instanceof Uint8Array ? Uint8Array.from(value) : value)
const isSame = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.compare(a, b) === 0

async function readAll(store: CredentialStore, keys: readonly string[]): Promise<Record<string, string>> {
  const found = await store.read(ref, keys)
  return Object.fromEntries([...found].map(([key, bytes]) => [key, new TextDecoder().decode(bytes)]))
}

export function describeCredentialStore({ make, runs }: CredentialStoreSetUp): void {
  const openOne = async () => (await make()).open()

  describe('credential store', () => {
    test('a generation never written is absent', async () => {
      const store = await openOne()
      expect(await store.load(ref, 'creds', 1)).toBe('absent')
      expect(await readAll(store, ['creds', 'session#1'])).toEqual({})
      expect(await store.sweep(ref)).toBe(0)
    })

    test.each([1, 2, 150])('%i rows written at once are read back', async (count) => {
      const store = await openOne()
      const values = Object.fromEntries(
        Array.from({ length: count }, (_, index) => [index === 0 ? 'creds' : `pre-key#${index}`, `value ${index}`]),
      )
      expect(await store.write(ref, rows(values), 1)).toBe('written')
      expect(await readAll(store, [...Object.keys(values), 'absent'])).toEqual(values)
      expect(plain(await store.load(ref, 'creds', 1))).toEqual(text('value 0'))
    })

    test('some rows can be read without knowing their keys', async () => {
      const store = await openOne()
      expect(await store.sample(ref, 10)).toEqual(new Map())
      await store.write(ref, rows({ creds: 'one', 'session#1': 'two', 'session#2': 'three' }), 1)
      const some = [...(await store.sample(ref, 10))].map(([key, bytes]) => [key, new TextDecoder().decode(bytes)])
      expect(some.length).toBeGreaterThan(0)
      for (const pair of some)
        expect([
          ['creds', 'one'],
          ['session#1', 'two'],
          ['session#2', 'three'],
        ]).toContainEqual(pair)
    })

    test('rows of some kilobytes that were written at once can be read without knowing their keys, too', async () => {
      const store = await openOne()
      const bytes = new Uint8Array(randomBytes(17_000))
      await store.write(ref, [row('creds', 'one'), { key: 'session#1', bytes }], 1)
      const some = await store.sample(ref, 10)
      expect([some.size, isSame(some.get('session#1'), bytes)]).toEqual([2, true])
    })

    test('a write without rows does nothing', async () => {
      const store = await openOne()
      expect(await store.write(ref, [], 1)).toBe('written')
      expect(await store.sweep(ref)).toBe(0)
    })

    test('a key asked for twice is read once, and the last of two rows of one key counts', async () => {
      const store = await openOne()
      await store.write(ref, [row('creds', 'first'), row('creds', 'last'), row('a', '1')], 1)
      expect(await readAll(store, ['creds', 'creds', 'a'])).toEqual({ creds: 'last', a: '1' })
    })

    test('deleted rows are absent, whether deleted alone or among others', async () => {
      const store = await openOne()
      await store.write(ref, rows({ creds: 'c', a: '1', b: '2', d: '3' }), 1)
      await store.write(ref, rows({ a: undefined }), 1)
      await store.write(ref, rows({ b: undefined, d: '4', never: undefined }), 1)
      expect(await readAll(store, ['creds', 'a', 'b', 'd', 'never'])).toEqual({ creds: 'c', d: '4' })
      await store.write(ref, rows({ creds: undefined }), 1)
      expect(await store.load(ref, 'creds', 2)).toBe('absent')
    })

    test('rows larger than an item are stored whole, alone and among others', async () => {
      const store = await openOne()
      const [large, larger] = [new Uint8Array(randomBytes(500_000)), new Uint8Array(randomBytes(1_200_000))]
      await store.write(ref, [{ key: 'creds', bytes: large }], 1)
      expect(plain(await store.load(ref, 'creds', 1))).toEqual(large)
      await store.write(ref, [{ key: 'creds', bytes: larger }, { key: 'app-state', bytes: large }, row('a', '1')], 1)
      const found = await store.read(ref, ['creds', 'app-state', 'a'])
      expect([isSame(found.get('creds'), larger), isSame(found.get('app-state'), large)]).toEqual([true, true])
      await store.write(ref, rows({ creds: 'small', 'app-state': undefined }), 1)
      expect(await readAll(store, ['creds', 'app-state', 'a'])).toEqual({ creds: 'small', a: '1' })
    })

    test('a large row is read as it was before or after a write, never as a mix', async () => {
      const { open } = await make()
      const [writer, reader] = [open(), open()]
      const value = (fill: number) => new Uint8Array(800_000).fill(fill)
      await writer.write(ref, [{ key: 'creds', bytes: value(0) }], 1)
      const writing = (async () => {
        for (let fill = 1; fill <= 4; fill++) await writer.write(ref, [{ key: 'creds', bytes: value(fill) }], 1)
        return 'done' as const
      })()
      let isDone = false
      while (!isDone) {
        const bytes = (await reader.read(ref, ['creds'])).get('creds')
        expect(bytes).toHaveLength(800_000)
        expect(new Set(bytes).size).toBe(1)
        isDone = (await Promise.race([writing, Promise.resolve('going on')])) === 'done'
      }
      expect(isSame((await reader.read(ref, ['creds'])).get('creds'), value(4))).toBe(true)
    })

    test('bytes that were read or written belong to the caller: changing them later changes nothing stored', async () => {
      const store = await openOne()
      const bytes = text('mine')
      await store.write(ref, [{ key: 'a', bytes }], 1)
      bytes.fill(0)
      expect(await readAll(store, ['a'])).toEqual({ a: 'mine' })
    })

    test('a host of an earlier epoch cannot load what a later one has loaded', async () => {
      const { open } = await make()
      await open().write(ref, rows({ creds: 'c' }), 1)
      expect(plain(await open().load(ref, 'creds', 3))).toEqual(text('c'))
      expect(await open().load(ref, 'creds', 2)).toBe('fenced')
      expect(plain(await open().load(ref, 'creds', 3))).toEqual(text('c'))
      expect(plain(await open().load(ref, 'creds', 4))).toEqual(text('c'))
    })

    test('bytes that make no sense are corrupt for every host, and can be swept', async () => {
      const { open, spoil } = await make()
      await open().write(ref, rows({ creds: 'c', a: '1' }), 1)
      await spoil(ref)
      expect(await open().load(ref, 'creds', 2)).toBe('corrupt')
      expect(await open().load(ref, 'creds', 3)).toBe('corrupt')
      expect(await open().load(ref, 'creds', 2)).toBe('fenced')
      expect(await open().sweep(ref)).toBeGreaterThan(0)
      expect(await open().load(ref, 'creds', 4)).toBe('absent')
    })

    test('after a load, writes of earlier epochs to what was loaded are refused', async () => {
      const { open } = await make()
      const [before, after] = [open(), open()]
      await before.write(ref, rows({ creds: 'old' }), 1)
      await after.load(ref, 'creds', 2)
      expect(await before.write(ref, rows({ creds: 'late' }), 1)).toBe('fenced')
      expect(await before.write(ref, rows({ creds: undefined }), 1)).toBe('fenced')
      expect(await readAll(after, ['creds'])).toEqual({ creds: 'old' })
    })

    test('after a load, a write of many rows of an earlier epoch is refused whole', async () => {
      const { open } = await make()
      const [before, after] = [open(), open()]
      await before.write(ref, rows({ creds: 'old', a: 'old' }), 1)
      await after.load(ref, 'creds', 2)
      expect(await before.write(ref, rows({ a: 'late', b: 'late' }), 1)).toBe('fenced')
      expect(await readAll(after, ['creds', 'a', 'b'])).toEqual({ creds: 'old', a: 'old' })
    })

    test('a late host changes nothing that its successor has written or deleted', async () => {
      const { open } = await make()
      const [before, after] = [open(), open()]
      await before.write(ref, rows({ creds: 'old', used: 'old', kept: 'old' }), 1)
      await after.load(ref, 'creds', 2)
      await after.write(ref, rows({ kept: 'new' }), 2)
      await after.write(ref, rows({ used: undefined }), 2)
      for (const late of [{ kept: 'late' }, { used: 'late' }, { kept: undefined }, { kept: 'late', used: 'late' }])
        expect(await before.write(ref, rows(late), 1)).toBe('fenced')
      expect(await readAll(after, ['creds', 'used', 'kept'])).toEqual({ creds: 'old', kept: 'new' })
    })

    test('writes of one host made at once happen in the order of the calls', async () => {
      const store = await openOne()
      const writes = [
        store.write(ref, rows({ creds: '1', a: '1', b: '1' }), 1),
        store.write(ref, rows({ a: '2', b: '2', d: '2' }), 1),
        store.write(ref, rows({ b: '3', d: undefined }), 1),
      ]
      expect(await Promise.all(writes)).toEqual(['written', 'written', 'written'])
      expect(await readAll(store, ['creds', 'a', 'b', 'd'])).toEqual({ creds: '1', a: '2', b: '3' })
    })

    test('generations do not touch each other', async () => {
      const store = await openOne()
      const other = { ...ref, generation: 'another' }
      await store.write(ref, rows({ creds: 'c', a: '1' }), 5)
      expect(await store.write(other, rows({ creds: 'd' }), 1)).toBe('written')
      expect(plain(await store.load(other, 'creds', 2))).toEqual(text('d'))
      await store.sweep(ref)
      expect(plain(await store.load(other, 'creds', 3))).toEqual(text('d'))
    })

    test('a sweep leaves nothing, and returns the number of rows', async () => {
      const { open } = await make()
      const store = open()
      const many = Array.from({ length: 120 }, (_, index) => row(`session#${index}`, 'x'))
      await store.write(ref, [row('creds', 'c'), ...many], 1)
      await store.write(ref, [{ key: 'large', bytes: new Uint8Array(700_000) }], 1)
      expect(await store.sweep(ref)).toBeGreaterThanOrEqual(122)
      expect(await store.sweep(ref)).toBe(0)
      expect(await open().load(ref, 'creds', 2)).toBe('absent')
      expect(await readAll(store, many.map(({ key }) => key).concat('large'))).toEqual({})
    })

    test('after any number of owners the stored rows are those of the last writes', async () => {
      const keys = ['creds', 'a', 'b', 'd'] as const
      const value = fc.option(fc.string({ maxLength: 5 }), { nil: undefined })
      const values = fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), value), {
        selector: ([key]) => key,
        minLength: 1,
      })
      const step = fc.oneof(
        { weight: 4, arbitrary: values },
        { weight: 1, arbitrary: fc.constant('nextOwner' as const) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          const { open } = await make()
          const model = new Map<string, string>()
          let [store, epoch] = [open(), 1]
          for (const each of steps) {
            if (each === 'nextOwner') {
              ;[store, epoch] = [open(), epoch + 1]
              const creds = model.get('creds')
              expect(plain(await store.load(ref, 'creds', epoch))).toEqual(creds === undefined ? 'absent' : text(creds))
            } else {
              expect(await store.write(ref, rows(Object.fromEntries(each)), epoch)).toBe('written')
              for (const [key, stored] of each) stored === undefined ? model.delete(key) : model.set(key, stored)
            }
            expect(await readAll(store, keys)).toEqual(Object.fromEntries(model))
          }
        }),
        { numRuns: runs },
      )
    })
  })
}
