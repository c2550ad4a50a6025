/** Budgets of codes over a connection that fails: a request takes a code from each budget, or from none (R24). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dynamoBudgetStore } from '#shared/dynamo/clients/budget-store.ts'
import { Contention } from '#shared/dynamo/contention.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../../contracts/engines/engines.ts'
import { type Fate, flakyConnect } from '../../../contracts/engines/flaky.ts'
import { outrun } from '../../../contracts/engines/outrun.ts'

let engine: Engine
let table: Table
beforeAll(async () => {
  engine = await startDynalite()
  table = await createTable(connect(engine))
})
afterAll(() => engine.stop())

const now = Date.UTC(2026, 0, 1)
const limitsOf = (name: string, codes = 1) =>
  ['phone', 'company'].map((of) => ({ key: `${of} of ${name}`, codes, windowMs: 600_000 }))

/** Returns how many codes are left in each budget, and takes them. */
async function leftIn(limits: ReturnType<typeof limitsOf>): Promise<readonly number[]> {
  const store = dynamoBudgetStore(table)
  const left = []
  for (const limit of limits) {
    let codes = 0
    while ((await store.take([limit], now)).ok) codes += 1
    left.push(codes)
  }
  return left
}

const fates = ['lost', 'answerLost', 'late'] as const satisfies Fate[]

test.each(fates)('whichever call is %s, no code is taken by a request that fails', async (fate) => {
  let hasFailed = true
  for (let call = 0; hasFailed; call++) {
    const limits = limitsOf(`${fate} ${call}`)
    const flaky = flakyConnect(engine, ({ index }) => (index === call ? fate : 'arrives'))
    const taken = dynamoBudgetStore({ client: flaky.client, table: table.table }).take(limits, now)
    hasFailed = call < 4
    if (hasFailed) await expect(taken).rejects.toBeInstanceOf(StoreUnavailable)
    else expect(await taken).toMatchObject({ ok: true })
    await flaky.deliverLate()
    expect(await leftIn(limits)).toEqual(hasFailed ? [1, 1] : [0, 0])
  }
})

test('a code that cannot be given back stays taken, and the request fails as before', async () => {
  const limits = limitsOf('a store that stays away')
  const flaky = flakyConnect(engine, ({ index }) => (index < 3 ? 'arrives' : 'lost'))
  const taken = dynamoBudgetStore({ client: flaky.client, table: table.table }).take(limits, now)
  await expect(taken).rejects.toBeInstanceOf(StoreUnavailable)
  expect(await leftIn(limits)).toEqual([0, 1])
})

test.each(fates)('codes of others, taken at the same time, stay taken when a put is %s', async (fate) => {
  const limits = limitsOf(`others: ${fate}`, 3)
  const other = dynamoBudgetStore(table)
  await other.take(limits, now)
  const flaky = flakyConnect(engine, ({ index }) => (index === 3 ? fate : 'arrives'))
  const failing = dynamoBudgetStore({ client: flaky.client, table: table.table }).take(limits, now)
  await expect(failing).rejects.toBeInstanceOf(StoreUnavailable)
  await other.take(limits, now)
  await flaky.deliverLate()
  expect(await leftIn(limits)).toEqual([1, 1])
})

test('a write that the SDK repeats because its answer was lost takes one code', async () => {
  const limits = limitsOf('a repeated write', 3)
  let puts = 0
  const fateOf = ({ operation }: { readonly operation: string }) =>
    operation === 'PutItem' && ++puts % 2 === 1 ? 'answerLost' : 'arrives'
  const store = dynamoBudgetStore({ client: flakyConnect(engine, fateOf, { tries: 3 }).client, table: table.table })
  expect(await store.take(limits, now)).toMatchObject({ ok: true, value: [{ at: now }, { at: now }] })
  expect(await leftIn(limits)).toEqual([2, 2])
})

test('a budget that others keep changing is given up as a lost race, and no code is taken', async () => {
  const limits = limitsOf('a race', 100)
  const rival = dynamoBudgetStore(table)
  const client = outrun(connect(engine), 'PutItem', () => rival.coolDown(limits[1]!.key, 0, now))
  await expect(dynamoBudgetStore({ client, table: table.table }).take(limits, now)).rejects.toBeInstanceOf(Contention)
})
