/** Engines of the local run for functions that benchmarks call in processes of their own. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { SignJWT } from 'jose/jwt/sign'
import * as v from 'valibot'
import { endpointVariables, startServices } from '../../local/services/services.ts'
import { connect, createTable } from '../contracts/engines/engines.ts'

export type Engines = { readonly env: Record<string, string>; readonly token: string; stop(): Promise<void> }

const Times = v.object({ importMs: v.number(), firstMs: v.number(), warmMs: v.array(v.number()), cpuMs: v.number() })
/** Milliseconds of one process; `cpuMs` is the CPU time of all warm calls together. */
export type Times = v.InferOutput<typeof Times>

/** Calls a route of a bundle in a new process. */
export async function runFunction(
  bundle: string,
  route: string,
  runs: number,
  { env, token }: Engines,
): Promise<Times> {
  const script = join(import.meta.dirname, 'function-process.ts')
  const args = [script, bundle, route, token, String(runs)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 28 })
  return v.parse(Times, JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
}

/** Starts the engines of the local run, and creates the table, queues and secrets that the functions need. */
export async function startEngines(): Promise<Engines> {
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
      BENCH_TOKEN_KEY: key,
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
