import { createServer } from 'node:http'
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { expect, onTestFinished, test } from 'vitest'
import { makeFaults, putFaultsBefore } from '../../local/faults.ts'
import { close, listen } from '../../local/services/listen.ts'
import { webSocketApi } from './support/assembly.ts'
import { runCloud } from './support/run.ts'

const cloud = {
  functions: { Echo: { code: 'export const handler = async () => ({ statusCode: 200 })' } },
  resources: {
    ...webSocketApi({ $default: 'Echo' }),
    Secret: { Type: 'AWS::SecretsManager::Secret', Properties: { SecretString: 'x' } },
  },
}

test('services can be away, slow and silent, and come back', async () => {
  const run = await runCloud(cloud)
  const put = (target: string, fault: object) =>
    fetch(`${run.url}/dev/faults`, { method: 'PUT', body: JSON.stringify({ target, fault }) })
  const dynamodb = () => fetch(run.endpoints.dynamodb, { signal: AbortSignal.timeout(150) })
  expect((await put('dynamodb', { how: 'down' })).status).toBe(200)
  await expect(dynamodb()).rejects.toThrow('fetch failed')
  await put('dynamodb', { how: 'silent' })
  await expect(dynamodb()).rejects.toThrow('timeout')
  const patient = fetch(run.endpoints.dynamodb)
  patient.catch(() => undefined)
  await expect(dynamodb()).rejects.toThrow('timeout')
  await put('dynamodb', { how: 'ok' })
  await expect(patient, 'nobody waits for an answer that never comes').rejects.toThrow('fetch failed')
  expect((await dynamodb()).status).toBe(200)

  await put('dynamodb', { how: 'slow', ms: 60_000 })
  await expect(dynamodb()).rejects.toThrow('timeout')
  await put('kms-and-secrets', { how: 'slow', ms: 50 })
  const secret = await run.clients.secretsManager.send(new GetSecretValueCommand({ SecretId: 'tiny-Secret' }))
  expect(secret.SecretString).toBe('x')

  run.faults.set('management', { how: 'down' })
  await expect(fetch(`${run.url}/@connections/x`, { method: 'POST' })).rejects.toThrow('fetch failed')
  run.faults.set('management', { how: 'ok' })
  expect((await fetch(`${run.url}/@connections/x`, { method: 'POST' })).status).toBe(410)
  expect((await put('gateway', { how: 'down' })).status).toBe(400)
  expect((await put('sqs', { how: 'strange' })).status).toBe(400)
  expect((await put('sqs', { how: 'throttled', percent: 101 })).status).toBe(400)

  expect((await put('kms-and-secrets', { how: 'throttled', percent: 100 })).status).toBe(200)
  const throttled = run.clients.secretsManager.send(new GetSecretValueCommand({ SecretId: 'tiny-Secret' }))
  await expect(throttled).rejects.toMatchObject({ name: 'ThrottlingException' })
  run.faults.set('management', { how: 'throttled', percent: 100 })
  expect((await fetch(`${run.url}/@connections/x`, { method: 'POST' })).status).toBe(429)
})

/** A service with one fault, whose drawn numbers are 0, 0.1 … 0.9, again and again. */
async function throttledService(target: 'dynamodb' | 'sqs', percent: number) {
  let drawn = -1
  const faults = makeFaults(() => {
    drawn = (drawn + 1) % 10
    return drawn / 10
  })
  faults.set(target, { how: 'throttled', percent })
  const server = createServer((request, response) => request.resume().on('end', () => response.end('{}')))
  putFaultsBefore(server, target, faults)
  onTestFinished(() => close(server))
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  return { endpoint: await listen(server), region: 'us-east-1', credentials, maxAttempts: 1 }
}

const failuresOf = async (call: () => Promise<unknown>) => {
  const names: string[] = []
  for (let times = 0; times < 10; times++) await call().catch((error: Error) => names.push(error.name))
  return names
}

test('a percentage of DynamoDB’s requests is throttled', async () => {
  const client = new DynamoDBClient(await throttledService('dynamodb', 20))
  const failures = await failuresOf(() => client.send(new ListTablesCommand({})))
  expect(failures).toEqual(['ThrottlingException', 'ThrottlingException'])
})

test('a percentage of the requests to SQS is throttled', async () => {
  const client = new SQSClient(await throttledService('sqs', 30))
  expect(await failuresOf(() => client.send(new ListQueuesCommand({})))).toEqual(Array(3).fill('RequestThrottled'))
})
