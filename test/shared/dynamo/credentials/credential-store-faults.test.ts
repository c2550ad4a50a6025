/** Hosts that die between any two requests, and requests that arrive long after they were given up. */
import { randomBytes } from 'node:crypto'
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { generationKey, partitionKey, sortKey } from '#shared/dynamo/table.ts'
import type { CredentialRow, CredentialStore, GenerationRef } from '#shared/ports.ts'
import {
  connect,
  createTable,
  type Engine,
  putJournal,
  startDynalite,
  type Table,
} from '../../../contracts/engines/engines.ts'
import { flakyConnect } from '../../../contracts/engines/flaky.ts'

// A test sends hundreds of requests, which takes long on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

const ref: GenerationRef = { companyId: 'company-1', generation: 'generation-1' }
const newTable = (): Promise<Table> => createTable(connect(engine))
const storeOn = ({ table }: Table): CredentialStore => dynamoCredentialStore({ client: connect(engine), table })

/** Rows that contain the name of their write; `size` more bytes make them large. */
const rowsOf = (writer: string, keys: readonly string[], size = 1): readonly CredentialRow[] =>
  keys.map((key) => ({ key, bytes: Buffer.concat([Buffer.from(writer), Buffer.alloc(size)]) }))
/** Returns the name of the write of each row; `-` for absent ones. */
async function writersOf(store: CredentialStore, keys: readonly string[]): Promise<readonly string[]> {
  const found = await store.read(ref, keys)
  return keys.map((key) => String.fromCharCode(found.get(key)?.[0] ?? 45))
}
const writerOf = (loaded: Uint8Array | string) =>
  typeof loaded === 'string' ? loaded : String.fromCharCode(loaded[0] ?? 45)

/** Expects a dying host's call to succeed or to throw `StoreUnavailable`. */
async function unlessDead<T>(call: Promise<T>): Promise<T | 'died'> {
  try {
    return await call
  } catch (error) {
    expect(error).toBeInstanceOf(StoreUnavailable)
    return 'died'
  }
}

const keys = ['creds', 'a', 'b', 'd']

describe.each([
  ['small rows', 1],
  ['rows that are too large for the journal', 9_000],
  ['rows larger than an item', 400_000],
])('a host dies while it writes %s', (_name, size) => {
  test.each(['lost', 'answerLost'] as const)(
    'at whichever request (its last one %s), the next load sees all or nothing',
    async (fate) => {
      let outcome: string | undefined
      for (let dies = 0; outcome !== 'written'; dies++) {
        const table = await newTable()
        await storeOn(table).write(ref, rowsOf('1', keys), 1)
        const dying = flakyConnect(engine, ({ index }) => (index < dies ? 'arrives' : index === dies ? fate : 'lost'))
        const host = dynamoCredentialStore({ client: dying.client, table: table.table })
        outcome = await unlessDead(host.write(ref, [...rowsOf('2', keys, size), ...rowsOf('2', ['new'])], 1))
        const next = storeOn(table)
        const creds = writerOf(await next.load(ref, 'creds', 2))
        const all = await writersOf(next, [...keys, 'new'])
        expect(all).toEqual(creds === '2' ? ['2', '2', '2', '2', '2'] : ['1', '1', '1', '1', '-'])
        if (outcome === 'written') expect(creds).toBe('2')
      }
    },
  )
})

test.each([0, 1, 2, 3, 4, 10, 60, 65, 66, 67])(
  'a host dies at request %i of a write whose journal needs parts: the next load sees all or nothing',
  async (dies) => {
    const many = ['creds', ...Array.from({ length: 60 }, (_, index) => `row ${index}`)]
    const table = await newTable()
    await storeOn(table).write(ref, rowsOf('1', ['creds']), 1)
    const dying = flakyConnect(engine, ({ index }) => (index < dies ? 'arrives' : 'lost'))
    const host = dynamoCredentialStore({ client: dying.client, table: table.table })
    const outcome = await unlessDead(host.write(ref, rowsOf('2', many, 7_000), 1))
    const next = storeOn(table)
    const creds = writerOf(await next.load(ref, 'creds', 2))
    expect(await writersOf(next, many)).toEqual(many.map((key) => (creds === '2' ? '2' : key === 'creds' ? '1' : '-')))
    if (outcome === 'written') expect(creds).toBe('2')
    else expect(dying.requests.length).toBeGreaterThan(dies)
  },
)

test('the journal does not carry rows of some kilobytes: it would cost their units twice more', async () => {
  const table = await newTable()
  const dying = flakyConnect(engine, ({ index }) => (index < 2 ? 'arrives' : 'lost'))
  const host = dynamoCredentialStore({ client: dying.client, table: table.table })
  expect(await unlessDead(host.write(ref, rowsOf('1', keys, 17_000), 1))).toBe('died')
  const Key = { [partitionKey]: generationKey(ref.companyId, ref.generation), [sortKey]: 'journal' }
  const { Item } = await table.client.send(new GetCommand({ TableName: table.table, Key }))
  expect([Item?.['rowsEp'], Item?.['data'].length < 500]).toEqual([1, true])
})

test('a host dies at whichever request of a load that completes a write: the load after it sees all', async () => {
  for (let dies = 0, isOver = false; !isOver; dies++) {
    const table = await interrupted()
    const dying = flakyConnect(engine, ({ index }) => (index >= dies ? 'lost' : 'arrives'))
    const loaded = await unlessDead(
      dynamoCredentialStore({ client: dying.client, table: table.table }).load(ref, 'creds', 2),
    )
    isOver = loaded !== 'died'
    const next = storeOn(table)
    expect(writerOf(await next.load(ref, 'creds', 3))).toBe('2')
    expect(await writersOf(next, keys)).toEqual(['2', '2', '2', '2'])
  }
})

/** Makes a table with a journal whose rows have not been written to their items. */
async function interrupted(): Promise<Table> {
  const table = await newTable()
  await storeOn(table).write(ref, rowsOf('1', keys), 1)
  let puts = 0
  const dying = flakyConnect(engine, ({ operation }) => (operation === 'PutItem' && ++puts > 1 ? 'lost' : 'arrives'))
  const host = dynamoCredentialStore({ client: dying.client, table: table.table })
  expect(await unlessDead(host.write(ref, rowsOf('2', keys), 1))).toBe('died')
  return table
}

test('a host that could not finish a write finishes it with the next one', async () => {
  const table = await interrupted()
  const store = storeOn(table)
  expect(await store.write(ref, rowsOf('3', ['a', 'new']), 1)).toBe('written')
  expect(await writersOf(store, [...keys, 'new'])).toEqual(['2', '3', '2', '2', '3'])
})

test('what was written after an interrupted write is not overwritten when that is completed', async () => {
  const table = await interrupted()
  const store = storeOn(table)
  expect(await store.write(ref, rowsOf('3', ['a']), 1)).toBe('written')
  expect(await store.write(ref, [{ key: 'b', bytes: undefined }], 1)).toBe('written')
  expect(writerOf(await storeOn(table).load(ref, 'creds', 2))).toBe('2')
  expect(await writersOf(store, keys)).toEqual(['2', '3', '-', '2'])
})

test('a host of an earlier epoch that resumes in the middle of a write is fenced, and has changed nothing', async () => {
  const table = await newTable()
  await storeOn(table).write(ref, rowsOf('1', keys), 1)
  const successor = storeOn(table)
  let isAsleep = true
  const asleep = flakyConnect(engine, ({ index }) => (isAsleep && index > 0 ? 'late' : 'arrives'))
  const host = dynamoCredentialStore({ client: asleep.client, table: table.table })
  expect(await unlessDead(host.write(ref, rowsOf('2', keys), 1))).toBe('died')
  await successor.load(ref, 'creds', 2)
  await successor.write(ref, rowsOf('3', ['creds', 'a', 'b']), 2)
  await successor.write(ref, [{ key: 'd', bytes: undefined }], 2)
  await asleep.deliverLate()
  isAsleep = false
  expect(await writersOf(successor, keys)).toEqual(['3', '3', '3', '-'])
  expect(await host.write(ref, rowsOf('2', keys), 1)).toBe('fenced')
  expect(await writersOf(successor, keys)).toEqual(['3', '3', '3', '-'])
})

test.each(['a load', 'a later write'] as const)(
  'a journal that arrives late, after %s of the same epoch, is refused',
  async (after) => {
    const table = await newTable()
    await storeOn(table).write(ref, rowsOf('1', keys), 1)
    const flaky = flakyConnect(engine, ({ index }) => (index === 0 ? 'late' : 'arrives'))
    const host = dynamoCredentialStore({ client: flaky.client, table: table.table })
    expect(await unlessDead(host.write(ref, rowsOf('2', keys), 1))).toBe('died')
    if (after === 'a load') await host.load(ref, 'creds', 1)
    else await host.write(ref, rowsOf('3', ['a', 'b']), 1)
    await flaky.deliverLate()
    await storeOn(table).load(ref, 'creds', 2)
    expect(await writersOf(host, keys)).toEqual(after === 'a load' ? ['1', '1', '1', '1'] : ['1', '3', '3', '1'])
  },
)

test('a write that a load of the same epoch has overtaken is fenced, and has changed nothing', async () => {
  const table = await newTable()
  const host = storeOn(table)
  await host.write(ref, rowsOf('1', keys), 1)
  // As after a load that was called later than the write and arrived earlier.
  await putJournal(table, ref, { ep: 1, n: Number.MAX_SAFE_INTEGER })
  expect(await host.write(ref, rowsOf('2', keys, 120_000), 1)).toBe('fenced')
  expect(await writersOf(host, keys)).toEqual(['1', '1', '1', '1'])
})

test('a journal that an earlier build has left, without an order, takes writes of its epoch', async () => {
  const table = await newTable()
  const store = storeOn(table)
  await store.write(ref, rowsOf('1', keys), 1)
  await putJournal(table, ref, { ep: 2 })
  expect(await store.write(ref, rowsOf('2', keys), 1)).toBe('fenced')
  expect(await store.write(ref, rowsOf('2', keys), 2)).toBe('written')
  expect(writerOf(await store.load(ref, 'creds', 2))).toBe('2')
})

/** A host's writes, and the requests of them that arrive late. */
const plan = fc.record({
  writes: fc.array(
    fc.record({
      keys: fc.subarray(keys, { minLength: 1 }),
      size: fc.constantFrom(1, 1, 9_000, 360_000),
      isDelete: fc.boolean(),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  late: fc.uniqueArray(fc.nat(25), { maxLength: 6 }),
  isTakenOver: fc.boolean(),
})

test('late requests restore nothing, whichever they are and whatever was written meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ writes, late, isTakenOver }) => {
      const table = await newTable()
      const flaky = flakyConnect(engine, ({ index, operation }) =>
        late.includes(index) && !operation.includes('Get') ? 'late' : 'arrives',
      )
      const host = dynamoCredentialStore({ client: flaky.client, table: table.table })
      const possible = new Map(keys.map((key) => [key, new Set(['-'])]))
      const note = (key: string, writer: string, isCertain: boolean) =>
        possible.set(key, new Set([...(isCertain ? [] : (possible.get(key) ?? [])), writer]))
      for (const [index, each] of writes.entries()) {
        const written = rowsOf(String(index), each.keys, each.size)
        const rows = each.isDelete ? written.map(({ key }) => ({ key, bytes: undefined })) : written
        const outcome = await unlessDead(host.write(ref, rows, 1))
        for (const key of each.keys) note(key, each.isDelete ? '-' : String(index), outcome === 'written')
      }
      const next = storeOn(table)
      if (isTakenOver) {
        await next.load(ref, 'creds', 2)
        expect(await next.write(ref, rowsOf('9', ['creds', 'a']), 2)).toBe('written')
        for (const key of ['creds', 'a']) note(key, '9', true)
      }
      await flaky.deliverLate()
      await next.load(ref, 'creds', 3)
      for (const [index, writer] of (await writersOf(next, keys)).entries())
        expect(possible.get(keys[index]!)).toContain(writer)
    }),
    { numRuns: 20 },
  )
})

const entry = (keyLength: number, kind: number, payload: string, key = 'k'.repeat(keyLength)) => {
  const head = Buffer.from([0, keyLength, kind, 0, 0, 0, payload.length])
  return Buffer.concat([head, Buffer.from(key), Buffer.from(payload)])
}
const good = entry(5, 1, '2', 'creds')

describe('a journal that no store can have written is corrupt', () => {
  test.each<[string, Record<string, unknown>]>([
    ['random bytes', { data: randomBytes(64) }],
    ['one byte too few', { data: good.subarray(0, -1) }],
    ['a head cut short', { data: Buffer.concat([good, Buffer.of(0, 5)]) }],
    ['an unknown kind of value', { data: entry(5, 7, 'x') }],
    ['parts that are no JSON', { data: entry(5, 2, '{') }],
    ['more parts than there are', { data: entry(5, 2, '{"parts":1e15,"version":"1"}') }],
    ['a row without a name', { data: entry(0, 1, 'x') }],
    ['a row with a name of ours', { data: entry(7, 1, 'x', 'journal') }],
    ['a value of another type', { data: 'text' }],
    ['a fence of another type', { data: good, rowsN: 'x' }],
  ])('%s', async (_name, fields) => {
    const table = await newTable()
    await storeOn(table).write(ref, rowsOf('1', keys), 1)
    await putJournal(table, ref, { ep: 1, rowsEp: 1, rowsN: 1, ...fields })
    expect(await storeOn(table).load(ref, 'creds', 2)).toBe('corrupt')
  })

  test('while one that makes sense is completed', async () => {
    const table = await newTable()
    await storeOn(table).write(ref, rowsOf('1', keys), 1)
    await putJournal(table, ref, { ep: 1, rowsEp: 2, rowsN: 1, data: good })
    expect(writerOf(await storeOn(table).load(ref, 'creds', 2))).toBe('2')
  })

  test('and a write of many rows does not go on as if it were not there', async () => {
    const table = await newTable()
    const store = storeOn(table)
    await store.write(ref, rowsOf('1', keys), 1)
    await putJournal(table, ref, { ep: 1, rowsEp: 1, rowsN: 1, data: randomBytes(64) })
    await expect(store.write(ref, rowsOf('2', keys), 1)).rejects.toThrow('corrupt')
  })
})

describe('a row with other types than the store writes', () => {
  const putRow = async (table: Table, sk: string, fields: object) => {
    const key = { [partitionKey]: generationKey(ref.companyId, ref.generation), [sortKey]: sk }
    await table.client.send(new PutCommand({ TableName: table.table, Item: { ...key, ep: 1, n: 1, ...fields } }))
  }

  test.each([
    { data: 'text' },
    { data: 7 },
    { parts: 'two', version: '1' },
    { parts: -1, version: '1' },
    { parts: 2, version: 7 },
  ])(
    '%o: bytes that cannot be decrypted, beside others that can be read, and replaced by the next write',
    async (fields) => {
      const table = await newTable()
      const store = storeOn(table)
      await store.write(ref, rowsOf('1', keys), 1)
      await putRow(table, 'odd', fields)
      expect(await writersOf(store, ['odd', ...keys])).toEqual(['-', ...keys.map(() => '1')])
      expect((await store.read(ref, ['odd'])).get('odd') ?? []).toHaveLength(0)
      await store.write(ref, rowsOf('2', ['odd']), 2)
      expect(await writersOf(store, ['odd'])).toEqual(['2'])
    },
  )

  test.each([{ data: 'text' }, {}])('one that is no part: %o', async (fields) => {
    const table = await newTable()
    await putRow(table, 'odd', { parts: 1, version: '1-1' })
    await putRow(table, 'part#odd#1-1#0', fields)
    expect(await storeOn(table).read(ref, ['odd'])).toEqual(new Map([['odd', new Uint8Array()]]))
  })

  test('an invalid stamp is corrupt', async () => {
    const table = await newTable()
    await putRow(table, 'creds', { ep: 'one', data: Buffer.from('x') })
    expect(await storeOn(table).load(ref, 'creds', 2)).toBe('corrupt')
  })
})

test('an interrupted sweep is finished by the next one', async () => {
  const table = await newTable()
  const many = Array.from({ length: 120 }, (_, index) => `session#${index}`)
  await storeOn(table).write(ref, rowsOf('1', ['creds', ...many]), 1)
  let deletes = 0
  const dying = flakyConnect(engine, ({ operation }) =>
    operation === 'BatchWriteItem' && ++deletes > 2 ? 'lost' : 'arrives',
  )
  const host = dynamoCredentialStore({ client: dying.client, table: table.table })
  expect(await unlessDead(host.sweep(ref))).toBe('died')
  const left = await storeOn(table).sweep(ref)
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThan(122)
  expect(await storeOn(table).sweep(ref)).toBe(0)
})

test.each([9_000, 800_000])('rows of %i bytes that are replaced leave nothing behind', async (size) => {
  const table = await newTable()
  const store = storeOn(table)
  for (const writer of ['1', '2', '3']) await store.write(ref, rowsOf(writer, ['creds', 'a'], size), 1)
  await store.write(ref, rowsOf('4', ['creds', 'a']), 1)
  // Two rows and the empty journal.
  expect(await store.sweep(ref)).toBe(3)
})

test('parts that no row names, of writes that were given up, do not hide the rows from a sample (R47)', async () => {
  const table = await newTable()
  const rows = rowsOf('1', ['pre-key#0', 'pre-key#1', 'pre-key#2', 'pre-key#3'], 9_000)
  await storeOn(table).write(ref, [...rowsOf('1', ['creds']), ...rows], 1)
  const dying = flakyConnect(engine, ({ operation }) => (operation === 'BatchWriteItem' ? 'arrives' : 'lost'))
  const host = dynamoCredentialStore({ client: dying.client, table: table.table })
  for (let tries = 0; tries < 2; tries++) expect(await unlessDead(host.write(ref, rows, 1))).toBe('died')
  const others = [...(await storeOn(table).sample(ref, 10)).keys()].filter((key) => key !== 'creds')
  expect(others.length).toBeGreaterThan(0)
})

test.each(['journal', 'part#creds#1-1#0'])('%s is not a valid key of a row', async (key) => {
  const store = storeOn(await newTable())
  await expect(store.write(ref, rowsOf('1', [key]), 1)).rejects.toThrow('Not a valid key of a row')
})

test('a row in a form that this build does not know is corrupt, not absent: a newer build may have written it (R49a)', async () => {
  const table = await newTable()
  const store = storeOn(table)
  const key = { [partitionKey]: generationKey(ref.companyId, ref.generation), [sortKey]: 'creds' }
  await table.client.send(new PutCommand({ TableName: table.table, Item: { ...key, ep: 1, n: 1, inAnotherForm: 'x' } }))
  expect(await store.load(ref, 'creds', 2)).toBe('corrupt')
})

test('a row whose stamp of this epoch is later than the reader’s is read all the same', async () => {
  const table = await newTable()
  const reader = storeOn(table)
  const writer = storeOn(table)
  for (let write = 0; write < 3; write++) await writer.write(ref, rowsOf(String(write), ['creds']), 2)
  expect(writerOf(await reader.load(ref, 'creds', 2))).toBe('2')
})
