import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { counted } from '#shared/domain/metrics/metrics.ts'
import { dynamoLeaseStore } from '#shared/dynamo/fleet/lease-store.ts'
import { dynamoMetricStore } from '#shared/dynamo/fleet/metric-store.ts'
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

  test('are not confused by other rows', async () => {
    await table.client.send(new PutCommand({ TableName: table.table, Item: { pk: 'METRIC#0', sk: 'COUNTS', ttl: 7 } }))
    expect(await dynamoMetricStore(table).sum(1, 0)).toEqual({})
  })
})
