/** Links of phones over a connection that fails: whoever notes one learns of it, and may repeat the note (R24). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dynamoPhoneLinks } from '#shared/dynamo/clients/phone-links.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../../contracts/engines/engines.ts'
import { type Fate, flakyConnect } from '../../../contracts/engines/flaky.ts'

let engine: Engine
let table: Table
beforeAll(async () => {
  engine = await startDynalite()
  table = await createTable(connect(engine))
})
afterAll(() => engine.stop())

const now = Date.UTC(2026, 0, 1)
const link = { companyId: 'c1', linkedAt: now }

/** A store of which the first call has this fate. */
const flakyLinks = (fate: Fate, tries = 1) => {
  const flaky = flakyConnect(engine, ({ index }) => (index === 0 ? fate : 'arrives'), { tries })
  return { ...flaky, links: dynamoPhoneLinks({ client: flaky.client, table: table.table }) }
}

test.each(['lost', 'answerLost', 'late'] as const)('a note that is %s is made once it is repeated', async (fate) => {
  const { links, deliverLate } = flakyLinks(fate)
  await expect(links.note(fate, link)).rejects.toBeInstanceOf(StoreUnavailable)
  await links.note(fate, link)
  await links.note(fate, { ...link, removedAt: now + 1 })
  await deliverLate()
  expect(await links.companiesOf(fate, now)).toEqual([{ ...link, removedAt: now + 1 }])
})

test('a note that the SDK repeats because its answer was lost succeeds', async () => {
  const { links } = flakyLinks('answerLost', 3)
  await links.note('repeated', link)
  expect(await links.companiesOf('repeated', now)).toEqual([link])
})

test('links that cannot be read are no empty list', async () => {
  await expect(flakyLinks('lost').links.companiesOf('unread', now)).rejects.toBeInstanceOf(StoreUnavailable)
})
