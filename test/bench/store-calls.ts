/**
 * Benchmark of one call to DynamoDB: processor time of the SDK's client, which functions use, and of the hosts' client, in
 * turns. The store is a process of its own that answers at once, so that only the clients are measured.
 */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { BatchGetCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { documentClient } from '#shared/dynamo/document-client.ts'
import type { StoreClient } from '#shared/dynamo/items.ts'
import { lightClient } from '#shared/dynamo/light/light-client.ts'
import { median, ratio } from './figures.ts'
import { readySetting, startProgram } from './processes.ts'

/** Calls of an operation in a round, and how many of them are under way at a time. */
const calls = Number(process.env['BENCH_CALLS'] ?? 1_000)
const atOnce = 8
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)

const key = { pk: 'COMPANY#bench', sk: 'STATE' }
const bytes = randomBytes(1_000)

const put = { ...key, ep: 7, n: 1_234_567, data: bytes }
const update = {
  UpdateExpression: 'SET #data = :data, #ep = :ep',
  ConditionExpression: 'attribute_not_exists(#ep) OR #ep < :ep',
  ExpressionAttributeNames: { '#data': 'data', '#ep': 'ep' },
  ExpressionAttributeValues: { ':data': bytes, ':ep': 8 },
}

/** The operations that a reconnect consists of. */
const operations: Readonly<Record<string, (client: StoreClient) => Promise<unknown>>> = {
  BatchGetItem: (client) =>
    client.send(new BatchGetCommand({ RequestItems: { table: { Keys: [key], ConsistentRead: true } } })),
  GetItem: (client) => client.send(new GetCommand({ TableName: 'table', Key: key, ConsistentRead: true })),
  PutItem: (client) => client.send(new PutCommand({ TableName: 'table', Item: put })),
  UpdateItem: (client) => client.send(new UpdateCommand({ TableName: 'table', Key: key, ...update })),
}

type Sides<T> = { readonly sdk: T; readonly light: T }

export async function storeCalls(say: (line: string) => void): Promise<void> {
  const server = await startProgram(fileURLToPath(new URL('./store-calls-server.ts', import.meta.url)), [])
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const config = { endpoint: readySetting(server.ready, 'url'), region: 'us-east-1', credentials }
  const sides = { sdk: documentClient({}, config), light: lightClient({ wholeMs: 20_000 }, config) }
  try {
    say(`store-calls: processor time per call, SDK's client -> hosts' client, ${calls} calls, ${atOnce} at once`)
    const found: Record<string, Sides<number[]>> = {}
    // The first round compiles the code. The operations take turns, as in a host: code for one of them alone is faster.
    for (let round = 0; round <= rounds; round++) {
      for (const side of ['sdk', 'light'] as const) {
        for (const [name, call] of Object.entries(operations)) {
          const ms = await cpuOf(() => call(sides[side]))
          found[name] ??= { sdk: [], light: [] }
          if (round > 0) found[name][side].push(ms)
        }
      }
    }
    for (const [name, ms] of Object.entries(found)) say(`  ${name.padEnd(12)} ${compared(ms)}`)
    const means = (side: keyof Sides<unknown>) => [mean(Object.values(found).map((ms) => median(ms[side])))]
    say(`  ${'mean'.padEnd(12)} ${compared({ sdk: means('sdk'), light: means('light') })}`)
  } finally {
    await server.stop()
  }
}

/** Milliseconds of a call, of all threads: the collection of garbage has its own. */
async function cpuOf(call: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  let left = calls
  const lane = async () => {
    while (left-- > 0) await call()
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000 / calls
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

function compared({ sdk, light }: Sides<readonly number[]>): string {
  const [before, after] = [median(sdk), median(light)]
  return `${before.toFixed(2)} -> ${after.toFixed(2)} ms (${ratio(after, before)})`
}
