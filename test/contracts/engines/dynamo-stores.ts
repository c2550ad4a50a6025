/** Runs the contracts of all stores on one engine, with a new table for each test. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, vi } from 'vitest'
import { dynamoBudgetStore } from '#shared/dynamo/clients/budget-store.ts'
import { dynamoConnectionStore } from '#shared/dynamo/clients/connection-store.ts'
import { dynamoIdempotencyStore } from '#shared/dynamo/clients/idempotency-store.ts'
import { dynamoPhoneLinks } from '#shared/dynamo/clients/phone-links.ts'
import { dynamoRequestCounter } from '#shared/dynamo/clients/request-counter.ts'
import { type CompanyStoreDeps, dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { writtenRows } from '#shared/dynamo/company/written-rows.ts'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import { dynamoFuse } from '#shared/dynamo/fleet/fuse-store.ts'
import { dynamoLeaseStore } from '#shared/dynamo/fleet/lease-store.ts'
import type { StoreClient } from '#shared/dynamo/items.ts'
import { defaultWindows } from '../../fakes/memory-fuse.ts'
import { describeBudgetStore } from '../budget-store.contract.ts'
import { type CompanyStoreSetUp, describeCompanyStore } from '../company-store.contract.ts'
import { describeConnectionStore } from '../connection-store.contract.ts'
import { describeCredentialStore } from '../credential-store.contract.ts'
import { describeFuse } from '../fuse.contract.ts'
import { describeIdempotencyStore } from '../idempotency-store.contract.ts'
import { describeLeaseStore } from '../lease-store.contract.ts'
import { describePhoneLinks } from '../phone-links.contract.ts'
import { describeRequestCounter } from '../request-counter.contract.ts'
import { connect, connectLight, createTable, type Engine, putJournal } from './engines.ts'
import { flakyConnect, flakyLight } from './flaky.ts'
import { outrun, raiseFence } from './outrun.ts'

const shards = 4

export function describeDynamoStores(startEngine: () => Promise<Engine>, { runs }: { readonly runs: number }): void {
  // A test sends hundreds of requests, which takes long on a busy machine.
  vi.setConfig({ testTimeout: 60_000 })
  let engine: Engine
  beforeAll(async () => {
    engine = await startEngine()
  })
  afterAll(() => engine.stop())
  describe('with the client of the functions', () => {
    describeStores({
      runs,
      connect: () => connect(engine),
      newTable: async () => (await createTable(connect(engine))).table,
      losing: (fateOf) => flakyConnect(engine, ({ operation }) => fateOf(operation)).client,
    })
  })
  describe('with the client of the hosts', () => {
    describeStores({
      runs,
      connect: () => connectLight(engine),
      newTable: async () => (await createTable(connect(engine))).table,
      losing: (fateOf) => flakyLight(engine, fateOf),
    })
  })
}

type Clients = {
  readonly runs: number
  readonly connect: () => StoreClient
  /** Creates a table, and returns its name. */
  readonly newTable: () => Promise<string>
  /** Makes a client that loses answers, and does not repeat those calls. */
  readonly losing: (fateOf: (operation: string) => 'arrives' | 'answerLost') => StoreClient
}

function describeStores({ runs, connect, newTable: newName, losing }: Clients): void {
  const newTable = async () => ({ client: connect(), table: await newName() })
  const companyStores = (remember: () => Pick<CompanyStoreDeps, 'written'>): CompanyStoreSetUp => ({
    shards,
    make: async (clock) => dynamoCompanyStore({ ...(await newTable()), shards, clock, ...remember() }),
    makeLosingAnswer: async (clock) => {
      const { table } = await newTable()
      let writes = 0
      // The update before it puts the company on the list of its shard.
      const isFirst = (operation: string) => operation === 'UpdateItem' && ++writes === 2
      const client = losing((operation) => (isFirst(operation) ? 'answerLost' : 'arrives'))
      return dynamoCompanyStore({ client, table, shards, clock, ...remember() })
    },
    makeLosingRaces: async (clock) => {
      const table = await newTable()
      const rival = dynamoCompanyStore({ ...table, shards, clock })
      const client = outrun(connect(), 'UpdateItem', () => rival.decide('company-1', raiseFence))
      return dynamoCompanyStore({ client, table: table.table, shards, clock, ...remember() })
    },
  })
  describeCompanyStore(companyStores(() => ({})))
  describe('remembering what it has written', () => {
    describeCompanyStore(companyStores(() => ({ written: writtenRows(performance.now.bind(performance)) })))
  })
  describeConnectionStore({
    make: async (clock, limit) => dynamoConnectionStore({ ...(await newTable()), clock, limit }),
    runs,
  })
  describeBudgetStore({ make: async () => dynamoBudgetStore(await newTable()) })
  describePhoneLinks({ make: async () => dynamoPhoneLinks(await newTable()), runs })
  const fuseDeps = { windows: defaultWindows, held: async () => 0, onRefused: () => undefined }
  describeFuse({ make: async (clock) => dynamoFuse({ ...(await newTable()), clock, ...fuseDeps }) })
  describeIdempotencyStore({ make: async () => dynamoIdempotencyStore(await newTable()) })
  describeRequestCounter({ make: async () => dynamoRequestCounter(await newTable()) })
  describeLeaseStore({ make: async () => dynamoLeaseStore({ ...(await newTable()), clock: Date.now }), runs })
  describeCredentialStore({
    make: async () => {
      const { table } = await newTable()
      return {
        open: () => dynamoCredentialStore({ client: connect(), table }),
        spoil: (ref) => putJournal({ client: connect(), table }, ref, { rowsEp: 1, rowsN: 1, data: randomBytes(50) }),
      }
    },
    runs,
  })
}
