/** Decisions whose answer is lost, whose request is lost, and items that cannot be read. */
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { decision, emptyCompany, notice, type Transition } from '#shared/domain/company/company.ts'
import { ForeignState } from '#shared/domain/company/foreign-state.ts'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { type CompanyStoreDeps, dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { Contention } from '#shared/dynamo/contention.ts'
import { getItem } from '#shared/dynamo/items.ts'
import type { ControlTable } from '#shared/dynamo/shard-companies.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { companyKey, partitionKey, sortKey, stateSortKey } from '#shared/dynamo/table.ts'
import type { CompanyStore } from '#shared/ports.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../../contracts/engines/engines.ts'
import { type Fate, flakyConnect, type Request } from '../../../contracts/engines/flaky.ts'
import { outrun } from '../../../contracts/engines/outrun.ts'
import { foreignStates } from '../../../released/foreign-states.ts'
import { madeNewer } from '../../../released/newer.ts'
import { anotherPhone, codeIssued, linked, requested } from '../../domain/build.ts'
import { type Command, carryOut, command, freshWorld, natural } from '../../domain/company/company-commands.ts'

const shards = 4
const companyId = 'company-1'
// A test sends hundreds of requests, which takes long on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

const newTable = (): Promise<Table> => createTable(connect(engine))
const storeOn = (table: ControlTable, overrides: Partial<CompanyStoreDeps> = {}): CompanyStore =>
  dynamoCompanyStore({ ...table, shards, clock: () => 1_000, ...overrides })

const cancelled = notice({ event: 'pairing-cancelled' })
const countUp: Transition<number> = (state) =>
  decision({ ...state, fence: state.fence + 1 }, state.fence + 1, [cancelled, cancelled])
const fill: Transition<void> = (state) => decision(requested(state), undefined)
const empty: Transition<void> = (state) => decision({ ...emptyCompany, fence: state.fence + 1 }, undefined)

/** Makes a store whose nth update fails in this way, with retries by the SDK. */
function flakyStore(table: Table, nth: number, fate: Fate, before: () => Promise<unknown> = async () => undefined) {
  let updates = 0
  const flaky = flakyConnect(
    engine,
    ({ operation }: Request) => (operation === 'UpdateItem' && ++updates === nth ? fate : 'arrives'),
    { tries: 3 },
  )
  let waited: Promise<unknown> | undefined
  flaky.client.middlewareStack.add(
    (next) => async (args) => {
      // Between the try whose answer was lost and the next one.
      if (updates === nth) waited ??= before()
      await waited
      return next(args)
    },
    { step: 'finalizeRequest', priority: 'low' },
  )
  return storeOn({ ...table, client: flaky.client })
}

describe('a decision that was written although its answer was lost', () => {
  test('is not made again', async () => {
    const table = await newTable()
    const store = flakyStore(table, 1, 'answerLost')
    expect(await store.decide(companyId, countUp)).toMatchObject({ outcome: 1, lastSeq: 2, changed: true })
    expect(await store.readWithSeq(companyId)).toMatchObject({ state: { fence: 1 }, seq: 3 })
  })

  test.each([1, 3])('is recognised when %i more have followed, with the numbers that it drew', async (others) => {
    const table = await newTable()
    const other = storeOn(table)
    const follow = async () => {
      for (let count = 0; count < others; count++) await other.decide(companyId, countUp)
      await other.readWithSeq(companyId)
    }
    const store = flakyStore(table, 1, 'answerLost', follow)
    expect(await store.decide(companyId, countUp)).toMatchObject({ outcome: 1, lastSeq: 2 })
    expect(await store.readWithSeq(companyId)).toMatchObject({
      state: { fence: 1 + others },
      seq: 2 * (1 + others) + 2,
    })
  })
})

type Trouble = { readonly fates: readonly Fate[]; readonly lostReads?: number; readonly resolveTimeoutMs?: number }

describe('a decision of a caller that tries once', () => {
  /** Makes a store with these fates of its writes, in order; after the first write `lostReads` reads get lost. */
  function onceStore(table: Table, { fates, lostReads = 0, resolveTimeoutMs }: Trouble) {
    const count = { writes: 0, reads: 0 }
    const fateOf = ({ operation }: Request): Fate | undefined => {
      if (operation === 'UpdateItem') return fates[count.writes++]
      return operation === 'GetItem' && count.writes > 0 && count.reads++ < lostReads ? 'lost' : undefined
    }
    const flaky = flakyConnect(engine, (request) => fateOf(request) ?? 'arrives')
    const store = storeOn(
      { ...table, client: flaky.client },
      resolveTimeoutMs === undefined ? {} : { resolveTimeoutMs },
    )
    /** Runs an action before the first request that follows this number of writes. */
    const beforeSending = (operation: string, writes: number, act: () => Promise<unknown>) =>
      flaky.client.middlewareStack.add(
        (next, context) => async (args) => {
          const isIt = 'commandName' in context && context['commandName'] === `${operation}Command`
          if (isIt && count.writes === writes) await act()
          return next(args)
        },
        { step: 'build' },
      )
    return { store, beforeSending, deliverLate: flaky.deliverLate }
  }
  const once = { outcome: 1, lastSeq: 2, changed: true, notices: [cancelled, cancelled] }

  test.each<[string, Fate]>([
    ['was written while its answer was lost', 'answerLost'],
    ['never arrived', 'lost'],
    ['is still on its way', 'late'],
  ])('that %s is made once, and is returned', async (_name, fate) => {
    const table = await newTable()
    const { store, deliverLate } = onceStore(table, { fates: [fate] })
    expect(await store.decide(companyId, countUp)).toMatchObject(once)
    await deliverLate().catch((error: unknown) =>
      expect(error).toMatchObject({ name: 'ConditionalCheckFailedException' }),
    )
    expect(await store.readWithSeq(companyId)).toMatchObject({ state: { fence: 1 }, seq: 3 })
  })

  test('is found when DynamoDB is unavailable for a while after it', async () => {
    const { store } = onceStore(await newTable(), { fates: ['answerLost'], lostReads: 3 })
    expect(await store.decide(companyId, countUp)).toMatchObject(once)
  })

  test('is found when it arrives just before it is sent again', async () => {
    const { store, beforeSending, deliverLate } = onceStore(await newTable(), { fates: ['late'] })
    beforeSending('UpdateItem', 1, deliverLate)
    expect(await store.decide(companyId, countUp)).toMatchObject(once)
    expect(await store.readWithSeq(companyId)).toMatchObject({ state: { fence: 1 }, seq: 3 })
  })

  test('is made on the current state when another write was faster', async () => {
    const table = await newTable()
    const other = storeOn(table)
    const { store, beforeSending } = onceStore(table, { fates: ['lost'] })
    let others = 0
    beforeSending('GetItem', 1, async () => (others++ === 0 ? other.decide(companyId, countUp) : undefined))
    expect(await store.decide(companyId, countUp)).toMatchObject({ outcome: 2, lastSeq: 4 })
  })

  test('whose mark may have been dropped after many others is not made again', async () => {
    const table = await newTable()
    const other = storeOn(table)
    const { store, beforeSending } = onceStore(table, { fates: ['answerLost'] })
    let others = 0
    beforeSending('GetItem', 1, async () => {
      while (others++ < 4) await other.decide(companyId, countUp)
    })
    await expect(store.decide(companyId, countUp)).rejects.toBeInstanceOf(StoreUnavailable)
    expect(await other.read(companyId)).toMatchObject({ state: { fence: 5 } })
  })

  test('throws when its outcome cannot be found out in time', async () => {
    const { store } = onceStore(await newTable(), { fates: ['answerLost'], lostReads: 1_000, resolveTimeoutMs: 50 })
    await expect(store.decide(companyId, countUp)).rejects.toBeInstanceOf(StoreUnavailable)
  })

  test('that would change nothing now throws: its earlier write may still succeed', async () => {
    const table = await newTable()
    const { store, deliverLate } = onceStore(table, { fates: ['late'] })
    let runs = 0
    const first: Transition<number> = (state, now) => (runs++ === 0 ? countUp(state, now) : decision(state, 0))
    await expect(store.decide(companyId, first)).rejects.toBeInstanceOf(StoreUnavailable)
    await deliverLate()
    expect(await store.readWithSeq(companyId)).toMatchObject({ state: { fence: 1 }, seq: 3 })
  })
})

test('a decision whose request was lost is made once', async () => {
  const table = await newTable()
  const store = flakyStore(table, 1, 'lost')
  expect(await store.decide(companyId, countUp)).toMatchObject({ outcome: 1, lastSeq: 2 })
})

test('a decision that lost a race while its answer was lost is made on the current state', async () => {
  const table = await newTable()
  const other = storeOn(table)
  const store = flakyStore(table, 1, 'lost', () => other.decide(companyId, countUp))
  expect(await store.decide(companyId, countUp)).toMatchObject({ outcome: 2, lastSeq: 4 })
})

test('while DynamoDB is unavailable every call throws StoreUnavailable', async () => {
  const { client } = flakyConnect(engine, () => 'lost')
  const store = storeOn({ ...(await newTable()), client })
  const calls = [
    () => store.decide(companyId, countUp),
    () => store.read(companyId),
    () => store.readWithSeq(companyId),
    () => store.leaseOf(companyId),
    () => store.companiesOf(0, { limit: 1 }),
  ]
  for (const call of calls) await expect(call()).rejects.toBeInstanceOf(StoreUnavailable)
})

test('a bug is not reported as an outage', async () => {
  const store = storeOn({ client: connect(engine), table: 'no-such-table' })
  await expect(store.read(companyId)).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
})

test('an endless race ends', async () => {
  const table = await newTable()
  const other = storeOn(table)
  let races = 0
  const racing: Transition<number> = (state, now) => {
    races += 1
    return countUp(state, now)
  }
  const slow = outrun(connect(engine), 'UpdateItem', () => other.decide(companyId, countUp))
  await expect(storeOn({ ...table, client: slow }).decide(companyId, racing)).rejects.toBeInstanceOf(Contention)
  expect(races).toBe(10)
  expect((await other.read(companyId)).state.fence).toBe(10)
})

test.each<readonly [string, unknown]>([
  ...foreignStates,
  ['a state that is half there', { fence: 1 }],
  ['a fence that is not a number', { fence: 'high', epoch: 0, cleanup: [] }],
  ['nothing but a word', 'dancing'],
])('a company with %s is shown as far as it can be read, and not decided on', async (_name, doc) => {
  const table = await newTable()
  const item = { rev: 1, seq: 4, shard: 2, doc, mark1: 'a', newer: 'field' }
  await table.client.send(new PutCommand({ TableName: table.table, Item: { ...rowKey, ...item } }))
  const store = storeOn(table)
  expect((await store.read(companyId)).state).toMatchObject({ foreign: true, cleanup: [] })
  await expect(store.decide(companyId, countUp)).rejects.toThrow(ForeignState)
  expect(await store.readWithSeq(companyId)).toMatchObject({ state: { foreign: true }, seq: 5 })
  expect(await getItem(table, rowKey)).toEqual({ ...rowKey, ...item, seq: 5 })
})

test('attributes of the item and fields of the state that only a newer build knows survive a decision', async () => {
  const table = await newTable()
  const doc = madeNewer(codeIssued(linked(), { phone: anotherPhone }), true)
  const item = { rev: 1, seq: 4, shard: 2, doc, newer: { of: ['item'] } }
  await table.client.send(new PutCommand({ TableName: table.table, Item: { ...rowKey, ...item } }))
  const store = storeOn(table)
  await store.decide(companyId, (state) => decision({ ...state, fence: 99 }, undefined))
  await store.decide(companyId, countUpOfAny)
  expect(await getItem(table, rowKey)).toMatchObject({ newer: item.newer, doc: { ...doc, fence: 100 }, rev: 3 })
})

const rowKey = { [partitionKey]: companyKey(companyId), [sortKey]: stateSortKey }

describe('the shard’s list', () => {
  const listed = async (store: CompanyStore) =>
    (await store.companiesOf(shardOf(companyId, shards), { limit: 10 })).companyIds

  test.each<[string, Transition<void>, Transition<void>]>([
    ['a company is being filled', empty, fill],
    ['a company is being emptied', fill, empty],
  ])('whenever its host dies while %s, a company that is not empty is listed', async (_name, first, second) => {
    for (let dies = 0; dies < 4; dies++) {
      const table = await newTable()
      await storeOn(table).decide(companyId, fill)
      await storeOn(table).decide(companyId, first)
      const dying = flakyConnect(engine, ({ index }) => (index >= dies ? 'lost' : 'arrives'))
      await storeOn({ ...table, client: dying.client })
        .decide(companyId, second)
        .catch((error: unknown) => expect(error).toBeInstanceOf(StoreUnavailable))
      const store = storeOn(table)
      const { state } = await store.read(companyId)
      if (state.attempt) expect(await listed(store)).toEqual([companyId])
      await store.decide(companyId, fill)
      expect(await listed(store)).toEqual([companyId])
      await store.decide(companyId, empty)
      expect(await listed(store)).toEqual([])
    }
  })

  test('a late removal does not remove a company from the list that has been filled again', async () => {
    const table = await newTable()
    const store = storeOn(table)
    await store.decide(companyId, fill)
    const slow = flakyConnect(engine, ({ operation }) => (operation === 'DeleteItem' ? 'late' : 'arrives'))
    await storeOn({ ...table, client: slow.client }).decide(companyId, empty)
    await store.decide(companyId, fill)
    await slow.deliverLate()
    expect(await listed(store)).toEqual([companyId])
  })

  test('after a change of the number of shards, the next decision lists a company where it now belongs', async () => {
    const table = await newTable()
    await storeOn(table).decide(companyId, fill)
    const moved = storeOn(table, { shards: 7 })
    await moved.decide(companyId, countUpOfAny)
    const found = await moved.companiesOf(shardOf(companyId, 7), { limit: 10 })
    expect(found.companyIds).toEqual([companyId])
  })
})

const countUpOfAny: Transition<void> = (state) => decision({ ...state, fence: state.fence + 1 }, undefined)

test('every state that a company can reach is stored and read back unchanged', async () => {
  const store = storeOn(await newTable())
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 30 }), fc.uuid(), async (commands, id) => {
      const state = walk(commands)
      await store.decide(id, () => decision(state, undefined))
      expect((await store.read(id)).state).toEqual(state)
    }),
    { numRuns: 60 },
  )
})

function walk(commands: readonly (Command | undefined)[]) {
  const world = freshWorld()
  for (const each of commands) {
    const { decision } = carryOut(world, each ?? natural(world.state))
    world.state = decision.state
  }
  return world.state
}
