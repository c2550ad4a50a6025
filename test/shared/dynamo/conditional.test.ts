/** Puts at a revision whose answers are lost. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { putAtRevision } from '#shared/dynamo/conditional.ts'
import { partitionKey, sortKey } from '#shared/dynamo/table.ts'
import { connect, createTable, type Engine, startDynalite } from '../../contracts/engines/engines.ts'
import { flakyConnect } from '../../contracts/engines/flaky.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

/** A new table, and a client that repeats its first put, whose answer is lost. */
async function setUp() {
  const { client, table } = await createTable(connect(engine))
  let puts = 0
  const flaky = flakyConnect(
    engine,
    ({ operation }) => (operation === 'PutItem' && ++puts === 1 ? 'answerLost' : 'arrives'),
    { tries: 2 },
  )
  return { steady: { client, table }, flaky: { client: flaky.client, table }, puts: () => puts }
}

const row = (rev: number) => ({ [partitionKey]: 'a', [sortKey]: 'b', rev })

test('a put whose answer was lost has succeeded', async () => {
  const { flaky, puts } = await setUp()
  expect(await putAtRevision(flaky, row(1), 0)).toBe(true)
  expect(puts()).toBe(2)
})

test('an equal put of somebody else is not taken for this one', async () => {
  const { steady } = await setUp()
  expect(await putAtRevision(steady, row(1), 0)).toBe(true)
  expect(await putAtRevision(steady, row(1), 0)).toBe(false)
})
