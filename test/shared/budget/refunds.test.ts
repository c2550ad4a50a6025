import { expect, test } from 'vitest'
import { codeBudget } from '#shared/budget/code-budget.ts'
import { refundUnused } from '#shared/budget/refunds.ts'
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { cancelPairing } from '#shared/domain/attempt/pairing.ts'
import { emptyCompany } from '#shared/domain/company/company.ts'
import type { BudgetTicket } from '#shared/domain/values/budget.ts'
import { observedCompanyStore } from '#shared/telemetry/observed-store.ts'
import { memoryBudgetStore } from '../../fakes/memory-budget-store.ts'
import { memoryCompanyStore } from '../../fakes/memory-company-store.ts'
import { memoryPhoneLinks } from '../../fakes/memory-phone-links.ts'
import { connecting, phone, requested, seconds } from '../domain/build.ts'

const ticket: BudgetTicket = [{ key: 'phone', at: 1 }]

function setUp(giveBack?: () => Promise<void>) {
  const given: BudgetTicket[] = []
  const warnings: string[] = []
  const memory = memoryCompanyStore(() => seconds(20), 1)
  const refunds = {
    giveBack: giveBack ?? (async (each: BudgetTicket) => void given.push(each)),
    log: { warn: (message: string) => void warnings.push(message) },
  }
  const store = observedCompanyStore(memory, refundUnused(refunds))
  return { memory, store, given, warnings }
}

test('gives the code back of an attempt that ended unaccepted, once', async () => {
  const { memory, store, given } = setUp()
  memory.put('c', requested(emptyCompany, { ticket }))
  await Promise.all([store.decide('c', timeOut), store.decide('c', timeOut)])
  await store.decide('c', (state, now) => cancelPairing(state, [], now))
  expect(given).toEqual([ticket])
})

test.each([
  ['that a host has taken on', connecting(emptyCompany, { ticket })],
  ['that took no code', requested()],
])('gives none back for an attempt %s', async (_title, state) => {
  const { memory, store, given } = setUp()
  memory.put('c', state)
  await store.decide('c', timeOut)
  expect(given).toEqual([])
})

test('gives none back while the attempt goes on', async () => {
  const { memory, store, given } = setUp()
  memory.put('c', requested(emptyCompany, { ticket }))
  await store.decide('c', (state) => ({ state: { ...state, fence: 9 }, notices: [], outcome: undefined }))
  expect(given).toEqual([])
})

test('a code that cannot be given back fails no decision', async () => {
  const { memory, store, warnings } = setUp(() => Promise.reject(new Error('The store is away')))
  memory.put('c', requested(emptyCompany, { ticket }))
  expect((await store.decide('c', timeOut)).state.lastAttempt?.failure?.code).toBe('HOST_UNAVAILABLE')
  expect(warnings).toEqual(['Could not give a code back'])
})

test('a code that is given back twice is no credit, also not when others were taken at the same moment', async () => {
  const budget = codeBudget({
    store: memoryBudgetStore(),
    links: memoryPhoneLinks(),
    clock: () => seconds(0),
    hashSecret: async () => 'secret',
    ...{ codesPerPhone: 3, codesPerForeignPhone: 3, codesPerCompany: 3, windowMs: 600_000 },
  })
  const taken = [await budget.take('c', phone), await budget.take('c', phone), await budget.take('c', phone)]
  const first = taken[1]
  if (!first?.ok) throw new Error('No code was left')
  await budget.giveBack(first.value)
  await budget.giveBack(first.value)
  expect(await budget.take('c', phone)).toMatchObject({ ok: true })
  expect(await budget.take('c', phone)).toMatchObject({ ok: false })
})
