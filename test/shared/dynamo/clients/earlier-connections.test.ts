/** Rows of connections that an earlier build has written: they have no place, and count all the same (R34, R49a). */
import { PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { dynamoConnectionStore } from '#shared/dynamo/clients/connection-store.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../../contracts/engines/engines.ts'

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
const old = now - 100_000
const store = (limit: number) => dynamoConnectionStore({ ...table, clock: () => now, limit })
const idsOf = async () => (await store(1).list('c1')).map(({ connectionId }) => connectionId).toSorted()
const add = (limit: number, connectionId: string, connectedAt = now) =>
  store(limit).add({ connectionId, companyId: 'c1', language: 'ru', connectedAt })

async function putEarlier(connectionId: string, connectedAt = old): Promise<void> {
  const ttl = Math.ceil(connectedAt / 1000) + 7_800
  const item = { pk: 'C#c1', sk: `CONN#${connectionId}`, language: 'en', connectedAt, tokenExpiresAt: now + 1, ttl }
  await table.client.send(new PutCommand({ TableName: table.table, Item: item }))
}

test('they are listed', async () => {
  await putEarlier('XfGLwfj9DoECFsg=')
  expect(await store(1).list('c1')).toEqual([
    {
      ...{ companyId: 'c1', connectionId: 'XfGLwfj9DoECFsg=', place: 'CONN#XfGLwfj9DoECFsg=' },
      ...{ language: 'en', connectedAt: old, tokenExpiresAt: now + 1 },
    },
  ])
})

test('they are removed, with and without their key', async () => {
  for (const id of ['a', 'b']) await putEarlier(id)
  await store(1).remove('c1', 'a')
  await store(1).remove('c1', 'b', 'CONN#b')
  expect(await idsOf()).toEqual([])
})

test('they count, and give way; the new connection has a place of its own', async () => {
  await putEarlier('a')
  await putEarlier('b', old + 1)
  await add(3, 'c', old + 2)
  expect(await add(3, 'd')).toMatchObject({ ok: true, value: [{ connectionId: 'a' }] })
  expect(await add(2, 'e')).toMatchObject({ ok: true, value: [{ connectionId: 'b' }, { connectionId: 'c' }] })
  expect(await idsOf()).toEqual(['d', 'e'])
  const query = { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': 'C#c1' } }
  const { Items = [] } = await table.client.send(new QueryCommand({ TableName: table.table, ...query }))
  expect(Items.map(({ sk }) => sk)).toEqual(Items.map(() => expect.stringMatching(/^CONN:0[0-5]$/)))
})

test('while they are too young to be closed, they leave no place beyond twice the limit', async () => {
  for (const id of ['a', 'b']) await putEarlier(id, now - 1)
  expect(await add(1, 'c')).toEqual({ ok: false, error: 'no-place' })
  await store(1).remove('c1', 'a')
  expect(await add(1, 'c')).toEqual({ ok: true, value: [] })
})
