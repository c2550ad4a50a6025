import { CreateSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cachedSecret, secretsClient } from '#shared/aws/secret.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { account, startKeysAndSecrets } from './aws-services.ts'

let services: Awaited<ReturnType<typeof startKeysAndSecrets>>
beforeAll(async () => {
  services = await startKeysAndSecrets()
})
afterAll(() => services.stop())

const minute = 60_000
/** Current and previous value. */
const callsPerFetch = 2
let secrets = 0

/** Makes a secret with the value `first`, a clock that tests advance, and a counter of calls. */
async function setUp() {
  const client = secretsClient({ ...account, endpoint: services.url, maxAttempts: 1 })
  const name = `secret-${++secrets}`
  await client.send(new CreateSecretCommand({ Name: name, SecretString: 'first' }))
  const time = { now: 0 }
  const service = { calls: 0, isAway: false, until: Promise.resolve() }
  client.middlewareStack.add(
    (next) => async (args) => {
      service.calls += 1
      await service.until
      if (service.isAway) throw Object.assign(new Error('away'), { name: 'TimeoutError' })
      return next(args)
    },
    { step: 'build' },
  )
  const rotate = async (value: string) => {
    await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: value }))
    service.calls = 0
  }
  return { secret: cachedSecret(client, name, () => time.now), client, name, time, service, rotate }
}

test('a secret that was never rotated has a current value only', async () => {
  const { secret } = await setUp()
  expect(await secret.read()).toEqual({ current: 'first' })
})

test('a rotated secret has the previous value too', async () => {
  const { secret, rotate } = await setUp()
  await rotate('second')
  expect(await secret.read()).toEqual({ current: 'second', previous: 'first' })
})

test('readers at the same time share one fetch, and for five minutes there is no other', async () => {
  const { secret, time, service } = await setUp()
  await Promise.all([secret.read(), secret.read(), secret.read()])
  time.now = 5 * minute - 1
  await secret.read()
  expect(service.calls).toBe(2)
  time.now = 5 * minute
  await secret.read()
  expect(service.calls).toBe(4)
})

test('a refresh fetches at once, but not more than every half minute', async () => {
  const { secret, time, rotate } = await setUp()
  await secret.read()
  await rotate('second')
  time.now = 29_999
  expect(await secret.refresh()).toEqual({ current: 'first' })
  time.now = 30_000
  expect(await secret.refresh()).toEqual({ current: 'second', previous: 'first' })
})

test('while Secrets Manager is away a known value goes on being used, and is asked for again half a minute later', async () => {
  const { secret, time, service } = await setUp()
  await secret.read()
  service.isAway = true
  time.now = 6 * minute
  expect(await secret.read()).toEqual({ current: 'first' })
  const { calls } = service
  expect(await secret.read()).toEqual({ current: 'first' })
  expect(service.calls).toBe(calls)
  time.now += 30_000
  service.isAway = false
  await secret.read()
  expect(service.calls).toBeGreaterThan(calls)
})

test('while Secrets Manager is away a refresh, too, asks every half minute only, however many signatures are bad', async () => {
  const { secret, time, service } = await setUp()
  await secret.read()
  service.isAway = true
  for (time.now = 30_000; time.now <= 10 * minute; time.now += 30_000) {
    service.calls = 0
    for (let token = 0; token < 20; token++) {
      expect(await secret.read()).toEqual({ current: 'first' })
      expect(await secret.refresh()).toEqual({ current: 'first' })
    }
    expect(service.calls).toBeLessThanOrEqual(callsPerFetch)
  }
})

test('while one caller waits for newer values, readers get the known ones at once', async () => {
  const { secret, time, service } = await setUp()
  await secret.read()
  const gate = Promise.withResolvers<void>()
  service.until = gate.promise
  time.now = 5 * minute
  const patient = secret.read()
  for (let reader = 0; reader < 20; reader++) expect(await secret.read()).toEqual({ current: 'first' })
  gate.resolve()
  expect(await patient).toEqual({ current: 'first' })
  expect(service.calls).toBe(2 * callsPerFetch)
})

test('callers that wait for a newer value share one fetch', async () => {
  const { secret, time, service, rotate } = await setUp()
  await secret.read()
  await rotate('second')
  time.now = 30_000
  const all = await Promise.all(Array.from({ length: 5 }, () => secret.refresh()))
  expect(all).toEqual(all.map(() => ({ current: 'second', previous: 'first' })))
  expect(service.calls).toBe(callsPerFetch)
})

test('while Secrets Manager is away an unknown value cannot be had, and is asked for every second', async () => {
  const { secret, time, service } = await setUp()
  service.isAway = true
  for (let caller = 0; caller < 20; caller++) await expect(secret.read()).rejects.toBeInstanceOf(StoreUnavailable)
  expect(service.calls).toBe(callsPerFetch)
  service.isAway = false
  time.now = 999
  await expect(secret.refresh()).rejects.toBeInstanceOf(StoreUnavailable)
  expect(service.calls).toBe(callsPerFetch)
  time.now = 1_000
  expect(await secret.read()).toEqual({ current: 'first' })
})

test('a secret that does not exist is a mistake, not an outage', async () => {
  const { client } = await setUp()
  const missing = cachedSecret(client, 'no-such-secret', () => 0)
  await expect(missing.read()).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
})
