/** Connections above the limit, over a connection to DynamoDB that fails (R34). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dynamoConnectionStore } from '#shared/dynamo/clients/connection-store.ts'
import { connect, createTable, type Engine, startDynalite } from '../../../contracts/engines/engines.ts'
import { flakyConnect } from '../../../contracts/engines/flaky.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

const now = Date.UTC(2026, 0, 1)

test('the caller is told of every connection to close, also when one could not be removed', async () => {
  const table = await createTable(connect(engine))
  let deletes = 0
  const flaky = flakyConnect(engine, ({ operation }) =>
    operation === 'DeleteItem' && ++deletes === 2 ? 'lost' : 'arrives',
  )
  const more = { table: table.table, clock: () => now }
  const [many, few] = [
    dynamoConnectionStore({ client: table.client, ...more, limit: 5 }),
    dynamoConnectionStore({ client: flaky.client, ...more, limit: 1 }),
  ]
  const connection = (connectionId: string, connectedAt: number) =>
    ({ connectionId, companyId: 'c1', language: 'ru', connectedAt }) as const
  for (const [index, id] of ['a', 'b', 'c'].entries()) await many.add(connection(id, now - 100_000 + index))
  const closed = await few.add(connection('new', now))
  expect(closed.map(({ connectionId }) => connectionId)).toEqual(['a', 'b', 'c'])
  expect((await many.list('c1')).length).toBe(2)
})
