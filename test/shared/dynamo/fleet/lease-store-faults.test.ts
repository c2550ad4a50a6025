/** Lease writes whose answers are lost, or that arrive late. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dynamoLeaseStore } from '#shared/dynamo/fleet/lease-store.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Lease, LeaseStore } from '#shared/ports.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../../contracts/engines/engines.ts'
import { type Fate, flakyConnect } from '../../../contracts/engines/flaky.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

const storeOn = (table: Table): LeaseStore => dynamoLeaseStore({ ...table, clock: () => 0 })
const newTable = () => createTable(connect(engine))
const read = async (store: LeaseStore): Promise<Lease> => (await store.readAll(1))[0]!
const claimed = async (store: LeaseStore, host: string, epoch: number): Promise<Lease> => {
  const lease = await store.claim(await read(store), host, epoch, 1)
  if (!lease) throw new Error('The lease was not free')
  return lease
}
/** Makes a store whose first update has this fate; the SDK makes `tries` tries. */
function flakyStore(table: Table, fate: Fate, tries: number) {
  let updates = 0
  const flaky = flakyConnect(
    engine,
    ({ operation }) => (operation === 'UpdateItem' && ++updates === 1 ? fate : 'arrives'),
    { tries },
  )
  return { store: storeOn({ ...table, client: flaky.client }), deliverLate: flaky.deliverLate }
}

test('a claim whose answer was lost is the claimer’s', async () => {
  const table = await newTable()
  const seen = await read(storeOn(table))
  const { store } = flakyStore(table, 'answerLost', 2)
  expect(await store.claim(seen, 'host-a', 5, 1)).toMatchObject({ ownerId: 'host-a', epoch: 5, version: 1 })
})

test('a renewal whose answer was lost keeps the lease', async () => {
  const table = await newTable()
  const lease = await claimed(storeOn(table), 'host-a', 5)
  const { store } = flakyStore(table, 'answerLost', 2)
  expect(await store.renew(lease, 2)).toMatchObject({ ownerId: 'host-a', epoch: 5, renewedAt: 2 })
})

test('a release whose answer was lost does not release the next owner’s lease', async () => {
  const table = await newTable()
  const lease = await claimed(storeOn(table), 'host-a', 5)
  const { store, deliverLate } = flakyStore(table, 'late', 2)
  await store.release(lease)
  const next = await claimed(storeOn(table), 'host-b', 6)
  await deliverLate()
  expect(await read(store)).toEqual(next)
})

test('a late claim does not take the lease from a faster host', async () => {
  const table = await newTable()
  const seen = await read(storeOn(table))
  const { store, deliverLate } = flakyStore(table, 'late', 1)
  await expect(store.claim(seen, 'host-a', 5, 1)).rejects.toBeInstanceOf(StoreUnavailable)
  const next = await claimed(storeOn(table), 'host-b', 6)
  await deliverLate()
  expect(await read(store)).toEqual(next)
})

test('a failed call throws', async () => {
  const table = await newTable()
  const lease = await claimed(storeOn(table), 'host-a', 5)
  const { client } = flakyConnect(engine, () => 'lost')
  const store = storeOn({ ...table, client })
  const calls = [
    () => store.readAll(1),
    () => store.claim(lease, 'host-b', 6, 1),
    () => store.renew(lease, 1),
    () => store.want(lease, 'host-b'),
    () => store.release(lease),
    () => store.writeHeartbeat({ hostId: 'host-a', sessions: 0, shards: [], since: 0, version: 'v' }),
  ]
  for (const call of calls) await expect(call()).rejects.toBeInstanceOf(StoreUnavailable)
})

test('a claim that does not raise the epoch throws', async () => {
  const store = storeOn(await newTable())
  const lease = await claimed(store, 'host-a', 5)
  await expect(store.claim(lease, 'host-b', 5, 1)).rejects.toThrow('raise the epoch')
})
