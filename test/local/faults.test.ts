import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { expect, test } from 'vitest'
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
})
