/** Places for connections, over a connection to DynamoDB that fails (R34). */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { dynamoConnectionStore } from '#shared/dynamo/clients/connection-store.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { ConnectionStore } from '#shared/ports.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../../contracts/engines/engines.ts'
import { type Fate, flakyConnect } from '../../../contracts/engines/flaky.ts'

let engine: Engine
let table: Table
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())
beforeEach(async () => {
  table = await createTable(connect(engine))
})

const now = Date.UTC(2026, 0, 1)
const connection = (connectionId: string, connectedAt = now) =>
  ({ connectionId, companyId: 'c1', language: 'ru', connectedAt }) as const
const idsOf = async (store: ConnectionStore) =>
  (await store.list('c1')).map(({ connectionId }) => connectionId).toSorted()

/** A store whose requests with this operation have these fates, and then arrive; `more` are options of its client. */
function flakyStore(limit: number, operation: string, fates: readonly Fate[], more?: { readonly tries: number }) {
  const left = [...fates]
  const flaky = flakyConnect(
    engine,
    (request) => (request.operation === operation ? left.shift() : undefined) ?? 'arrives',
    more,
  )
  return { ...flaky, store: dynamoConnectionStore({ ...table, client: flaky.client, clock: () => now, limit }) }
}

const sound = (limit: number) => dynamoConnectionStore({ ...table, clock: () => now, limit })

/** Fills the table with three connections that can be closed. */
async function settled(): Promise<void> {
  for (const [index, id] of ['a', 'b', 'c'].entries()) await sound(5).add(connection(id, now - 100_000 + index))
}

test('the caller is told of every connection to close, also when one could not be removed', async () => {
  await settled()
  const { store } = flakyStore(1, 'DeleteItem', ['arrives', 'lost'])
  expect(await store.add(connection('new'))).toMatchObject({
    ok: true,
    value: [...'abc'].map((id) => connection(id, expect.any(Number))),
  })
  expect(await idsOf(store)).toEqual(['c', 'new'])
})

test.each([
  ['that is repeated', { tries: 2 }],
  ['after which the store is read again', { tries: 1 }],
])('a lost answer %s costs the one that gives way no goodbye', async (_name, limits) => {
  await settled()
  const { store } = flakyStore(3, 'PutItem', ['answerLost'], limits)
  expect(await store.add(connection('new'))).toMatchObject({ ok: true, value: [{ connectionId: 'a' }] })
  expect(await idsOf(store)).toEqual(['b', 'c', 'new'])
})

test('a repeated put of a place that was free succeeds', async () => {
  const { store } = flakyStore(1, 'PutItem', ['answerLost'], { tries: 2 })
  expect(await store.add(connection('new'))).toEqual({ ok: true, value: [] })
})

test('without an answer, and without the place, the store is unavailable and nobody gives way', async () => {
  await settled()
  const { store } = flakyStore(3, 'PutItem', ['lost'])
  await expect(store.add(connection('new'))).rejects.toThrow(StoreUnavailable)
  expect(await idsOf(store)).toEqual(['a', 'b', 'c'])
})

test('a removal that arrives late leaves a place alone that another connection has taken', async () => {
  await sound(1).add(connection('a', now - 100_000))
  const { store, deliverLate } = flakyStore(1, 'DeleteItem', ['late'])
  await expect(store.remove('c1', 'a')).rejects.toThrow(StoreUnavailable)
  await sound(1).add(connection('b'))
  await expect(deliverLate()).resolves.toBeUndefined()
  expect(await idsOf(store)).toEqual(['b'])
})

test('a put that arrives late takes no place that was taken in the meantime', async () => {
  const { store, deliverLate } = flakyStore(1, 'PutItem', ['late'])
  await expect(store.add(connection('slow'))).rejects.toThrow(StoreUnavailable)
  for (const id of ['a', 'b']) await sound(1).add(connection(id))
  await deliverLate()
  expect(await idsOf(store)).toEqual(['a', 'b'])
})

test('a publisher that has listed a connection removes it by one request, $disconnect by two', async () => {
  const { store, requests } = flakyStore(2, '', [])
  await sound(2).add(connection('a'))
  const [listed] = await sound(2).list('c1')
  await store.remove('c1', 'a', listed?.place)
  expect(requests.map(({ operation }) => operation)).toEqual(['DeleteItem'])
  await sound(2).add(connection('a'))
  await store.remove('c1', 'a')
  expect(requests.map(({ operation }) => operation)).toEqual(['DeleteItem', 'Query', 'DeleteItem'])
})
