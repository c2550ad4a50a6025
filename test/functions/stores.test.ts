import { PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { counted, sumOf } from '#shared/domain/metrics/metrics.ts'
import { dynamoLeaseStore } from '#shared/dynamo/fleet/lease-store.ts'
import { dynamoMetricStore, metricSlots } from '#shared/dynamo/fleet/metric-store.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../contracts/engines/engines.ts'

let engine: Engine
let table: Table
const now = Date.parse('2026-11-22T10:00:30Z')

beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())
beforeEach(async () => {
  table = await createTable(connect(engine))
})

describe('metrics', () => {
  test('add up over the last minutes', async () => {
    const store = dynamoMetricStore(table)
    await store.add(counted.attemptRequested(), now - 6 * 60_000)
    await store.add(counted.attemptRequested(), now - 60_000)
    await Promise.all(Array.from({ length: 5 }, () => store.add(counted.codeIssued(700), now)))
    expect(await store.sum(5, now)).toEqual({
      requested: 1,
      'time_to_code_ms.le.1000': 5,
      'time_to_code_ms.sum': 3_500,
      'time_to_code_ms.count': 5,
    })
    expect(await store.sum(60, now)).toMatchObject({ requested: 2 })
  })

  test('name the hosts that own a shard, as they describe themselves', async () => {
    const leases = dynamoLeaseStore({ ...table, clock: () => now })
    const [free] = await leases.readAll(2)
    await leases.claim(free!, 'host-1', now, now)
    await leases.writeHeartbeat({
      hostId: 'host-1',
      sessions: 3,
      shards: [0],
      since: now,
      version: '1.0',
      states: { connected: 3 },
    })
    await leases.writeHeartbeat({ hostId: 'host-gone', sessions: 9, shards: [], since: now, version: '1.0' })
    expect(await dynamoMetricStore(table).hosts(2)).toEqual([
      { hostId: 'host-1', sessions: 3, shards: [0], since: now, version: '1.0', states: { connected: 3 }, at: now },
    ])
  })

  test('of many processes add up, in whichever slots they write', async () => {
    const writers = Array.from({ length: 40 }, (_, index) => dynamoMetricStore(table, index % metricSlots))
    await Promise.all(
      writers.flatMap((writer, index) => [
        writer.add(counted.attemptRequested(), now),
        writer.add(counted.attemptRequested(), now - 59 * 60_000),
        writer.add(counted.codeIssued(100 * index), now - 60_000),
        writer.add(counted.attemptRequested(), now - 60 * 60_000),
      ]),
    )
    const all = [
      ...writers.flatMap(() => [counted.attemptRequested(), counted.attemptRequested()]),
      ...writers.map((_, index) => counted.codeIssued(100 * index)),
    ]
    expect(await dynamoMetricStore(table).sum(60, now)).toEqual(sumOf(all))
  })

  test('of a process are all in its slot, and the slots in use are as many as the processes', async () => {
    for (const slot of [2, 15]) await dynamoMetricStore(table, slot).add(counted.attemptRequested(), now)
    const { Items = [] } = await table.client.send(new ScanCommand({ TableName: table.table }))
    const ttl = Math.floor(now / 1000) + 2 * 24 * 60 * 60
    expect(Items.toSorted((one, other) => String(one['pk']).localeCompare(String(other['pk'])))).toEqual([
      { pk: 'METRIC#15', sk: '000029922360', requested: 1, ttl },
      { pk: 'METRIC#2', sk: '000029922360', requested: 1, ttl },
    ])
  })

  test('of processes that choose for themselves are spread', async () => {
    await Promise.all(Array.from({ length: 50 }, () => dynamoMetricStore(table).add(counted.attemptRequested(), now)))
    const { Items = [] } = await table.client.send(new ScanCommand({ TableName: table.table }))
    expect(Items.length).toBeGreaterThan(4)
    expect(await dynamoMetricStore(table).sum(1, now)).toEqual({ requested: 50 })
  })

  test('are not confused by other rows', async () => {
    for (const item of [
      { pk: 'METRIC#0', sk: '000000000000', ttl: 7 },
      { pk: 'METRIC#0', sk: 'COUNTS', requested: 1, ttl: 7 },
      { pk: 'METRIC#29922360', sk: 'COUNTS', requested: 1, ttl: 7 },
    ])
      await table.client.send(new PutCommand({ TableName: table.table, Item: item }))
    expect(await dynamoMetricStore(table).sum(1, 0)).toEqual({})
    expect(await dynamoMetricStore(table).sum(1, now)).toEqual({})
  })
})
