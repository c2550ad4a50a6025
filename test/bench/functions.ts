/**
 * Benchmark of the functions behind the WebSocket with and without the token check, budgets, limits, metrics and Sentry, in one
 * run.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { SignJWT } from 'jose/jwt/sign'
import * as v from 'valibot'
import { bundleFunctions, functionFolder } from '../../cdk/bundle.ts'
import { weigh } from '../../cdk/bundle-report.ts'
import type { FunctionName } from '../../functions/routes.ts'
import { endpointVariables, startServices } from '../../local/services/services.ts'
import { connect, createTable } from '../contracts/engines/engines.ts'
import { median, percentile, ratio } from './figures.ts'
import { withoutLayers } from './without-layers.ts'

/** `coldRuns`: new processes per function and side. `warmRuns`: calls of a warm process per route and side. */
const coldRuns = 15
const warmRuns = 400

/** Routes by the function that serves them. */
const routes = {
  authorizer: ['authorizer'],
  connect: ['$connect'],
  disconnect: ['$disconnect'],
  message: ['ping', 'get-status', 'request-pairing-code'],
} as const satisfies Partial<Record<FunctionName, readonly string[]>>

const sides = ['before', 'after'] as const
type Sides<T> = Readonly<Record<(typeof sides)[number], T>>
type Side = { readonly folder: string; readonly bundles: Awaited<ReturnType<typeof bundleFunctions>> }

const Times = v.object({ importMs: v.number(), firstMs: v.number(), warmMs: v.array(v.number()) })
type Times = v.InferOutput<typeof Times>

export async function functionCosts(say: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pairplane-bench-'))
  const engines = await startEngines()
  try {
    const built = {
      before: await build(join(folder, 'before'), withoutLayers),
      after: await build(join(folder, 'after')),
    }
    say('functions, without -> with token check, budgets, limits, metrics and Sentry')
    for (const [name, [first, ...more]] of entriesOf(routes)) {
      const play = (side: (typeof sides)[number], route: string, runs: number) =>
        runFunction(join(functionFolder(built[side].folder, name), 'index.mjs'), route, runs, engines)
      say(`  ${name}: ${sizes(built, name)}`)
      const cold = await alternate(coldRuns, (side) => play(side, first, 0))
      say(`    cold import     ${compared(cold, ({ importMs }) => [importMs])}`)
      say(`    cold first call ${compared(cold, ({ firstMs }) => [firstMs])}`)
      for (const route of [first, ...more]) {
        const warm = await alternate(2, (side) => play(side, route, warmRuns / 2))
        say(`    warm ${route.padEnd(10)} ${compared(warm, ({ warmMs }) => warmMs)}`)
      }
    }
  } finally {
    await engines.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const build = async (folder: string, options = {}): Promise<Side> => ({
  folder,
  bundles: await bundleFunctions(folder, options),
})

const entriesOf = <T extends object>(record: T) => Object.entries(record) as [keyof T & string, T[keyof T]][]

/** Runs the sides alternately, so that other load on the machine affects both. */
async function alternate(
  runs: number,
  play: (side: (typeof sides)[number]) => Promise<Times>,
): Promise<Sides<Times[]>> {
  const times: Sides<Times[]> = { before: [], after: [] }
  for (let run = 0; run < runs; run++) for (const side of sides) times[side].push(await play(side))
  return times
}

function sizes(built: Sides<Side>, name: FunctionName): string {
  const [before, after] = sides.map((side) => {
    const bundle = built[side].bundles.get(name)
    if (!bundle) throw new Error(`${name} was not built`)
    return weigh(bundle)
  })
  const kilobytes = (bytes = 0) => `${Math.round(bytes / 1000)} KB`
  return (
    `${kilobytes(before?.bytes)} -> ${kilobytes(after?.bytes)} at start, ` +
    `${kilobytes(before?.bytesOnDemand)} -> ${kilobytes(after?.bytesOnDemand)} on demand`
  )
}

/** Formats median and 95th percentile of both sides, and the ratio of the medians. */
function compared(times: Sides<Times[]>, of: (times: Times) => readonly number[]): string {
  const [before, after] = [times.before.flatMap(of), times.after.flatMap(of)]
  const ms = (value: number) => value.toFixed(1)
  const p95 = `p95 ${ms(percentile(before, 0.95))} -> ${ms(percentile(after, 0.95))} ms`
  return `median ${ms(median(before))} -> ${ms(median(after))} ms (${ratio(median(after), median(before))}), ${p95}`
}

type Engines = { readonly env: Record<string, string>; readonly token: string; stop(): Promise<void> }

async function runFunction(bundle: string, route: string, runs: number, { env, token }: Engines): Promise<Times> {
  const script = join(import.meta.dirname, 'function-process.ts')
  const args = [script, bundle, route, token, String(runs)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 28 })
  return v.parse(Times, JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
}

/** Starts the engines of the local run, and creates the table, queues and secrets that the functions need. */
async function startEngines(): Promise<Engines> {
  const services = await startServices({ onUnknownCall: (operation) => console.error(`not served: ${operation}`) })
  const gateway = createServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1')
  await once(gateway, 'listening')
  const account = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
  const { table } = await createTable(connect({ url: services.endpoints.dynamodb, stop: async () => {} }))
  const sqs = new SQSClient({ ...account, endpoint: services.endpoints.sqs, useQueueUrlAsEndpoint: false })
  const queue = async (name: string, Attributes = {}) =>
    (await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }))).QueueUrl ?? ''
  const vault = new SecretsManagerClient({ ...account, endpoint: services.endpoints.secretsManager })
  const secret = async (name: string, value: string) =>
    (await vault.send(new CreateSecretCommand({ Name: name, SecretString: value }))).ARN ?? ''
  const key = 'a secret for tokens of benchmarks only'
  const [issuer, audience] = ['https://bench.test', 'pairplane']
  const address = gateway.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    token: await new SignJWT({ role: 'marketplace', companyId: 'bench' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime('2h')
      .sign(new TextEncoder().encode(key)),
    env: {
      ...endpointVariables(services.endpoints),
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      CONTROL_TABLE: table,
      CALLBACK_URL: `http://127.0.0.1:${port}`,
      SHARD_0_QUEUE_URL: await queue('shard-0.fifo', { FifoQueue: 'true' }),
      SHARDS: '1',
      WATCHDOG_QUEUE_URL: await queue('watchdog'),
      PHONE_HASH_SECRET_ARN: await secret('phones', 'a secret for hashing phones'),
      TOKEN_SECRET_ARN: await secret('tokens', key),
      TOKEN_ISSUER: issuer,
      TOKEN_AUDIENCE: audience,
    },
    stop: async () => {
      gateway.closeAllConnections()
      gateway.close()
      await services.stop()
    },
  }
}
