import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CreateKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { kmsClient, kmsDataKeys } from '#shared/aws/data-keys.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { describeDataKeys } from '../../contracts/data-keys.contract.ts'
import { account, startKeysAndSecrets } from './aws-services.ts'

let services: Awaited<ReturnType<typeof startKeysAndSecrets>>
beforeAll(async () => {
  services = await startKeysAndSecrets()
})
afterAll(() => services.stop())

const connect = () => kmsClient({ ...account, endpoint: services.url })
const newKey = async () => (await connect().send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? ''

describeDataKeys({ make: async () => kmsDataKeys(connect(), await newKey()) })

const ref = { companyId: 'company-1', generation: 'generation-1' }

test('what another key of KMS has wrapped is refused', async () => {
  const { wrappedKey } = await kmsDataKeys(connect(), await newKey()).create(ref)
  expect(await kmsDataKeys(connect(), await newKey()).unwrap(ref, wrappedKey)).toBe('refused')
})

test('a key of KMS that does not exist is refused: the credentials are good, the setting is wrong (R47)', async () => {
  const keys = kmsDataKeys(connect(), 'no-such-key')
  const { wrappedKey } = await kmsDataKeys(connect(), await newKey()).create(ref)
  expect(await keys.unwrap(ref, wrappedKey)).toBe('refused')
  await expect(keys.create(ref)).rejects.toMatchObject({ name: 'NotFoundException' })
})

test.each([
  ['AccessDeniedException', 'refused'],
  ['DisabledException', 'refused'],
  ['KMSInvalidStateException', 'refused'],
  ['InvalidKeyUsageException', 'refused'],
  ['KMSInternalException', 'StoreUnavailable'],
  ['ThrottlingException', 'StoreUnavailable'],
])('a key that KMS does not open with %s: %s', async (name, outcome) => {
  const status = name === 'KMSInternalException' ? 500 : 400
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify({ __type: name }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const keys = kmsDataKeys(kmsClient({ ...account, endpoint: `http://127.0.0.1:${port}`, maxAttempts: 1 }), 'key')
  const unwrapped = await keys.unwrap(ref, 'AAAA').catch((error: Error) => error.name)
  expect(unwrapped).toBe(outcome)
})

test('while KMS is away, that is what is said', async () => {
  const client = kmsClient({ ...account, endpoint: 'http://127.0.0.1:1', maxAttempts: 1 })
  const keys = kmsDataKeys(client, 'key')
  await expect(keys.create(ref)).rejects.toBeInstanceOf(StoreUnavailable)
  await expect(keys.unwrap(ref, 'AAAA')).rejects.toBeInstanceOf(StoreUnavailable)
})
