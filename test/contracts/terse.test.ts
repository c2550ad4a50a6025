/** Stores that draw numbers, on an engine that leaves unchanged attributes out of its answers to updates. */
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { dynamoRequestCounter } from '#shared/dynamo/clients/request-counter.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { partitionKey, sortKey } from '#shared/dynamo/table.ts'
import { describeCompanyStore } from './company-store.contract.ts'
import { connect, createTable, type Engine, startDynalite } from './engines/engines.ts'
import { flakyConnect } from './engines/flaky.ts'
import { outrun, raiseFence } from './engines/outrun.ts'
import { makeTerse } from './engines/terse.ts'

const shards = 4
// A test sends hundreds of requests, which takes long on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

const newTable = async () => {
  const { client, table } = await createTable(connect(engine))
  return { client: makeTerse(client), table }
}

test('the engine returns only the attributes that an update has changed', async () => {
  const { client, table } = await newTable()
  const add = (n: number) =>
    client.send(
      new UpdateCommand({
        TableName: table,
        Key: { [partitionKey]: 'p', [sortKey]: 's' },
        UpdateExpression: 'SET #b = :b ADD #a :a',
        ExpressionAttributeNames: { '#a': 'a', '#b': 'b' },
        ExpressionAttributeValues: { ':a': n, ':b': 'same' },
        ReturnValues: 'UPDATED_NEW',
      }),
    )
  expect((await add(1)).Attributes).toEqual({ a: 1, b: 'same' })
  expect((await add(2)).Attributes).toEqual({ a: 3 })
  expect((await add(0)).Attributes).toEqual({})
})

describeCompanyStore({
  shards,
  make: async (clock) => dynamoCompanyStore({ ...(await newTable()), shards, clock }),
  makeLosingAnswer: async (clock) => {
    const { table } = await newTable()
    let writes = 0
    // The update before it puts the company on the list of its shard.
    const isFirst = (operation: string) => operation === 'UpdateItem' && ++writes === 2
    const { client } = flakyConnect(engine, ({ operation }) => (isFirst(operation) ? 'answerLost' : 'arrives'))
    return dynamoCompanyStore({ client: makeTerse(client), table, shards, clock })
  },
  makeLosingRaces: async (clock) => {
    const table = await newTable()
    const rival = dynamoCompanyStore({ client: connect(engine), table: table.table, shards, clock })
    const client = outrun(connect(engine), 'UpdateItem', () => rival.decide('company-1', raiseFence))
    return dynamoCompanyStore({ client: makeTerse(client), table: table.table, shards, clock })
  },
})

test('messages are counted', async () => {
  const counter = dynamoRequestCounter(await newTable())
  expect([await counter.count('A', 7), await counter.count('A', 7), await counter.count('A', 8)]).toEqual([1, 2, 1])
})
