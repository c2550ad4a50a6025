/**
 * The image's process with the task definition's environment, on embedded engines: it starts, becomes healthy, and
 * stops on SIGTERM.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partitionKey, sortKey } from '#shared/dynamo/table.ts'
import { bundleSocketHost } from '../../cdk/bundle.ts'
import { credentialsOf } from '../../local/invoke/lambda.ts'
import { type Clients, clientsFor, destroyClients } from '../../local/services/clients.ts'
import { endpointVariables, type Services, startServices } from '../../local/services/services.ts'
import { createKey, createSecret } from '../../local/template/keys-and-secrets.ts'
import { createQueue } from '../../local/template/queues.ts'
import { createTable } from '../../local/template/tables.ts'
import { temporary } from '../support/temporary.ts'
import { only, synthesize } from './synthesize.ts'

const [container] = only(synthesize('dev').socketHost, 'AWS::ECS::TaskDefinition').Properties.ContainerDefinitions
const variables: readonly { Name: string; Value: unknown }[] = container.Environment

let services: Services
let clients: Clients
let host: ChildProcess | undefined
const lines: Record<string, unknown>[] = []

beforeAll(async () => {
  const app = await imageContent()
  services = await startServices({ onUnknownCall: () => undefined })
  clients = clientsFor(services.endpoints)
  const [, ...args] = container.Command
  host = spawn(process.execPath, args, { cwd: app, env: await environment(), stdio: ['ignore', 'pipe', 'inherit'] })
  const output = createInterface({ input: host.stdout! })
  output.on('line', (line) => lines.push(JSON.parse(line)))
  while (!lines.some(({ message }) => message === 'Lease acquired')) await once(output, 'line')
}, 30_000)

afterAll(async () => {
  host?.kill('SIGKILL')
  destroyClients(clients)
  await services.stop()
})

/**
 * Copies the files of the Dockerfile's last stage. The project's own packages stand in for those that its first stage
 * installs.
 */
async function imageContent(): Promise<string> {
  const [context, app] = [temporary(), temporary()]
  await bundleSocketHost(context)
  for (const file of readdirSync(context))
    if (/(\.mjs|\.mjs\.map|^package\.json)$/.test(file)) cpSync(join(context, file), join(app, file))
  symlinkSync(resolve('node_modules'), join(app, 'node_modules'))
  return app
}

/**
 * Returns the environment of the template. Resources that it refers to are created in the engines, and the port is a
 * free one.
 */
async function environment(): Promise<Record<string, string>> {
  const literal = variables.filter(({ Value }) => typeof Value === 'string').map(({ Name, Value }) => [Name, Value])
  return {
    ...credentialsOf({}),
    ...endpointVariables(services.endpoints),
    ...(await references()),
    ...Object.fromEntries(literal),
    SHARDS: '1',
    HEALTH_PORT: '0',
  }
}

async function references(): Promise<Record<string, string>> {
  const keys = [partitionKey, sortKey]
  const table = async (name: string) => {
    await createTable(clients.dynamodb, name, {
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
      KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    })
    return name
  }
  return {
    CONTROL_TABLE: await table('control'),
    CREDENTIALS_TABLE: await table('credentials'),
    SHARD_0_QUEUE_URL: await createQueue(clients.sqs, 'shard-0.fifo', { FifoQueue: true }),
    WATCHDOG_QUEUE_URL: await createQueue(clients.sqs, 'watchdog', {}),
    CREDENTIALS_KEY_ARN: (await createKey(clients.kms, 'credentials')).arn,
    PHONE_HASH_SECRET_ARN: await createSecret(clients.secretsManager, 'phone-hash', { SecretString: 'secret' }),
    CALLBACK_URL: 'http://127.0.0.1:9',
  }
}

describe('the image', () => {
  const health = () =>
    `http://127.0.0.1:${lines.find(({ message }) => message === 'Health endpoint listening')?.['port']}/health`

  it('takes its shards and says that it is healthy', async () => {
    const answer = await fetch(health())
    expect(await answer.json()).toMatchObject({ isHealthy: true, shards: [0], sessions: 0 })
    expect(answer.status).toBe(200)
  })

  it('passes the health check of the task definition', async () => {
    const [form, program, ...args] = container.HealthCheck.Command
    expect([form, program]).toEqual(['CMD', 'node'])
    const check = (url: string) =>
      once(
        spawn(
          process.execPath,
          args.map((arg: string) => arg.replace(/http:[^']+/, url)),
        ),
        'exit',
      )
    expect(await check(health())).toEqual([0, null])
    expect(await check('http://127.0.0.1:1/health')).toEqual([1, null])
  })

  it('releases its shards and ends with 0 when it is told to stop', async () => {
    host?.kill('SIGTERM')
    expect(await once(host!, 'exit')).toEqual([0, null])
    expect(lines.map(({ message }) => message)).toEqual(expect.arrayContaining(['Lease released', 'Host stopped']))
  })
})
