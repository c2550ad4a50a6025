/** Rows as a newer build may have written them: they can be read, and a write loses nothing of them (R49a). */
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dynamoBudgetStore } from '#shared/dynamo/clients/budget-store.ts'
import { dynamoConnections } from '#shared/dynamo/clients/connection-store.ts'
import { dynamoIdempotencyStore } from '#shared/dynamo/clients/idempotency-store.ts'
import { dynamoPhoneLinks } from '#shared/dynamo/clients/phone-links.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import { dynamoLeaseStore } from '#shared/dynamo/fleet/lease-store.ts'
import { dynamoMetricStore } from '#shared/dynamo/fleet/metric-store.ts'
import { getItem } from '#shared/dynamo/items.ts'
import { generationKey } from '#shared/dynamo/table.ts'
import { connect, createTable, type Engine, startDynalite, type Table } from '../../contracts/engines/engines.ts'
import { requested } from '../domain/build.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startDynalite()
})
afterAll(() => engine.stop())

const now = Date.UTC(2026, 0, 1)
const clock = () => now
const limits = [{ key: 'phone', codes: 3, windowMs: 60_000 }]
const ref = { companyId: 'c1', generation: 'g1' }
const credentialKey = (key: string) => ({ pk: generationKey(ref.companyId, ref.generation), sk: key })
const bytes = new Uint8Array([1])

const budget = { pk: 'BUDGET#phone', sk: 'BUDGET' }
const linkedPhone = { pk: 'PHONE#h', sk: 'C#c1' }
const lease = { pk: 'SHARD#0', sk: 'LEASE' }
const held = { epoch: 7, version: 3, owner: 'host-1', renewedAt: 1 }
const leased = async (table: Table) => {
  const store = dynamoLeaseStore({ ...table, clock })
  const [seen] = await store.readAll(1)
  if (!seen) throw new Error('The lease was not found')
  return { store, seen }
}

type Row = readonly [
  name: string,
  key: { readonly pk: string; readonly sk: string },
  known: object,
  write: (table: Table) => Promise<unknown>,
]

const rows: readonly Row[] = [
  ['a budget from which a code is taken', budget, { rev: 2, taken: [] }, (t) => dynamoBudgetStore(t).take(limits, now)],
  [
    'a budget that gets a code back',
    budget,
    { rev: 2, taken: [now] },
    (t) => dynamoBudgetStore(t).giveBack([{ key: 'phone', at: now }]),
  ],
  ['a budget that cools down', budget, { rev: 2, taken: [] }, (t) => dynamoBudgetStore(t).coolDown('phone', now, now)],
  [
    'a phone that is linked again',
    linkedPhone,
    { linkedAt: 1, removedAt: 2, ttl: 3 },
    (t) => dynamoPhoneLinks(t).note('h', { companyId: 'c1', linkedAt: now }),
  ],
  [
    'a phone whose link ends',
    linkedPhone,
    { linkedAt: now - 1 },
    (t) => dynamoPhoneLinks(t).note('h', { companyId: 'c1', linkedAt: now - 1, removedAt: now }),
  ],
  [
    'the answer under an idempotency key',
    { pk: 'IDEM#k', sk: 'IDEM' },
    { requestHash: 'r' },
    (t) => dynamoIdempotencyStore(t).keep('k', '{}'),
  ],
  [
    'a lease that is claimed',
    lease,
    { ...held, wantedBy: 'host-2' },
    async (t) => {
      const { store, seen } = await leased(t)
      expect(await store.claim(seen, 'host-2', 8, now)).toMatchObject({ ownerId: 'host-2' })
    },
  ],
  [
    'a lease that is renewed, wanted, given a successor and released',
    lease,
    held,
    async (t) => {
      const { store, seen } = await leased(t)
      await store.renew(seen, now)
      await store.want(seen, 'host-2')
      await store.nameSuccessor(seen, 'host-2')
      await store.release(seen)
    },
  ],
  [
    'counters of a minute',
    { pk: 'METRIC#3', sk: String(now / 60_000).padStart(12, '0') },
    { requested: 1, 'outcome.OF_A_NEWER_BUILD': 2 },
    async (t) => {
      await dynamoMetricStore(t, 3).add({ requested: 1 }, now)
      expect(await dynamoMetricStore(t, 4).sum(1, now)).toEqual({ requested: 2, 'outcome.OF_A_NEWER_BUILD': 2 })
    },
  ],
  [
    'the place of a company in the list of its shard',
    { pk: 'SHARD#0', sk: 'C#c1' },
    {},
    (t) =>
      dynamoCompanyStore({ ...t, shards: 1, clock }).decide('c1', (state) => ({
        ...{ state: requested(state), notices: [], outcome: undefined },
      })),
  ],
  [
    'the journal of credentials',
    credentialKey('journal'),
    { ep: 1 },
    async (t) => {
      const some = ['a', 'b'].map((key) => ({ key, bytes }))
      expect(await dynamoCredentialStore(t).write(ref, some, 2)).toBe('written')
    },
  ],
  [
    'credentials that are loaded',
    credentialKey('creds'),
    { ep: 1, n: 1, data: bytes },
    async (t) => expect(await dynamoCredentialStore(t).load(ref, 'creds', 2)).toEqual(bytes),
  ],
]

const newer = { of: ['a newer build'] }

test.each(rows)('%s keeps attributes that only a newer build knows', async (_name, key, known, write) => {
  const table = await createTable(connect(engine))
  await table.client.send(new PutCommand({ TableName: table.table, Item: { ...key, ...known, newer } }))
  const before = await getItem(table, key)
  await write(table)
  const after = await getItem(table, key)
  expect(after).toMatchObject({ newer })
  expect(after).not.toEqual(before)
})

test('a budget forgets its cool-down with the code that is taken after it', async () => {
  const table = await createTable(connect(engine))
  const item = { ...budget, rev: 2, taken: [], coolUntil: now - 1 }
  await table.client.send(new PutCommand({ TableName: table.table, Item: item }))
  await dynamoBudgetStore(table).take(limits, now)
  expect(await getItem(table, budget)).not.toHaveProperty('coolUntil')
})

test('only the row of an ended link has a TTL, which is 30 days after its end', async () => {
  const table = await createTable(connect(engine))
  const note = (times: { linkedAt: number; removedAt?: number }) =>
    dynamoPhoneLinks(table).note('h', { companyId: 'c1', ...times })
  await note({ linkedAt: now })
  expect(await getItem(table, linkedPhone)).toEqual({ ...linkedPhone, linkedAt: now })
  await note({ linkedAt: now, removedAt: now + 1 })
  expect(await getItem(table, linkedPhone)).toMatchObject({ removedAt: now + 1, ttl: now / 1000 + 30 * 86_400 + 1 })
  await note({ linkedAt: now + 2 })
  expect(await getItem(table, linkedPhone)).toEqual({ ...linkedPhone, linkedAt: now + 2 })
})

describe('rows that are only read', () => {
  test('a client that speaks a language of a newer build is listed, and so are the others', async () => {
    const table = await createTable(connect(engine))
    for (const [id, language] of ['en', 'es'].entries()) {
      const item = { pk: 'C#c1', sk: `CONN:0${id}`, connectionId: `${id}`, language, connectedAt: now, ttl: now, newer }
      await table.client.send(new PutCommand({ TableName: table.table, Item: item }))
    }
    const listed = await dynamoConnections({ ...table, clock }).list('c1')
    expect(listed).toEqual([
      { companyId: 'c1', connectionId: '0', place: 'CONN:00', language: 'en', connectedAt: now },
      { companyId: 'c1', connectionId: '1', place: 'CONN:01', language: 'ru', connectedAt: now },
    ])
  })

  test('the heartbeat of a newer host is shown, with the states of its sessions', async () => {
    const table = await createTable(connect(engine))
    const beat = { version: 'v2', since: 1, sessions: 1, shards: [0], states: { dozing: 1 }, at: now, newer }
    for (const item of [
      { ...lease, ...held },
      { pk: 'HOST#host-1', sk: 'BEAT', ...beat },
    ])
      await table.client.send(new PutCommand({ TableName: table.table, Item: item }))
    expect(await dynamoMetricStore(table).hosts(1)).toMatchObject([{ hostId: 'host-1', states: { dozing: 1 } }])
  })
})
