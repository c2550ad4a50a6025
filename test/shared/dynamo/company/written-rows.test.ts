import { expect, test } from 'vitest'
import { decision, emptyCompany } from '#shared/domain/company/company.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { writtenRows } from '#shared/dynamo/company/written-rows.ts'
import { connect, createTable, startDynalite } from '../../../contracts/engines/engines.ts'
import { flakyConnect } from '../../../contracts/engines/flaky.ts'

const raise = (state: typeof emptyCompany) => decision({ ...state, fence: state.fence + 1 }, state.fence)

test('a row that another process has changed meanwhile is read again, whether or not the decision would write', async () => {
  const engine = await startDynalite()
  try {
    const table = await createTable(connect(engine))
    const deps = { ...table, shards: 4, clock: Date.now }
    const host = dynamoCompanyStore({ ...deps, written: writtenRows(() => performance.now()) })
    const lambda = dynamoCompanyStore(deps)
    await host.decide('c1', raise)
    await lambda.decide('c1', raise)
    expect((await host.decide('c1', raise)).outcome).toBe(2)
    await lambda.decide('c1', raise)
    expect((await host.decide('c1', (state) => decision(state, state.fence))).outcome).toBe(4)
  } finally {
    await engine.stop()
  }
})

test('a decision after a read does not read again', async () => {
  const engine = await startDynalite()
  try {
    const { table } = await createTable(connect(engine))
    const { client, requests } = flakyConnect(engine, () => 'arrives')
    const written = writtenRows(() => performance.now())
    const host = dynamoCompanyStore({ client, table, shards: 4, clock: Date.now, written })
    expect((await host.read('c1')).state).toEqual(emptyCompany)
    expect((await host.decide('c1', raise)).outcome).toBe(0)
    expect(requests.map(({ operation }) => operation).filter((name) => name === 'GetItem')).toHaveLength(1)
  } finally {
    await engine.stop()
  }
})

test('a row is remembered once, and not for long', () => {
  let now = 0
  const rows = writtenRows(() => now)
  const row = { rev: 1, seq: 1, state: emptyCompany }
  rows.keep('c1', row)
  expect(rows.take('c1')).toBe(row)
  expect(rows.take('c1')).toBeUndefined()
  rows.keep('c1', row)
  now = 5_000
  expect(rows.take('c1')).toBeUndefined()
})
