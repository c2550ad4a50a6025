/** Signing keys while the identity provider is away, slow, or asked for keys that it does not have (R30). */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose/jwt/sign'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { type JwksLimits, jwks } from '../../../functions/access/jwks.ts'
import { tokenKeys } from '../../../functions/access/token-keys.ts'
import { tokenVerifier } from '../../../functions/access/tokens.ts'
import { recordingLog } from '../../fakes/recording-log.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const claims = { issuer: 'https://idp.test', audience: 'pairplane' }
const accepted = { ok: true }
const refused = { ok: false, error: 'invalid' }

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const keyNamed = (kid: string) => ({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'EdDSA' })
const signed = (kid: string) =>
  new SignJWT({ role: 'admin' })
    .setProtectedHeader({ alg: 'EdDSA', kid })
    .setIssuer(claims.issuer)
    .setAudience(claims.audience)
    .setExpirationTime('1h')
    .sign(privateKey)

type Manner = 'well' | 'broken' | 'silent' | 'garbled'

/** An identity provider on the loopback. It counts what it is asked, and answers as tests tell it. */
const provider = { kids: ['a'], manner: 'well' as Manner, asked: 0, waiting: [] as ServerResponse[] }
const server = createServer((_request, response) => {
  provider.asked += 1
  if (provider.manner === 'silent') provider.waiting.push(response)
  else if (provider.manner === 'broken') response.writeHead(503).end()
  else if (provider.manner === 'garbled') response.end('<html>')
  else answer(response)
})
const answer = (response: ServerResponse) => response.end(JSON.stringify({ keys: provider.kids.map(keyNamed) }))
const listening = once(server.listen(0, '127.0.0.1'), 'listening')

beforeEach(() => Object.assign(provider, { kids: ['a'], manner: 'well', asked: 0, waiting: [] }))
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

/** Makes a check of tokens with a clock that tests advance. By default it waits for as long as the test does. */
async function setUp(limits: JwksLimits = { firstMs: 60_000, refreshMs: 60_000 }) {
  await listening
  const time = { now: 0 }
  const log = recordingLog()
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  const settings = { ...claims, jwksUrl }
  const verify = tokenVerifier(settings, async () =>
    tokenKeys(settings, { clock: () => time.now, warn: log.warn, limits }),
  )
  return { time, log, check: async (kid = 'a') => verify(await signed(kid)) }
}

describe('known keys', () => {
  test('are asked for again after ten minutes, by one token', async () => {
    const { time, check } = await setUp()
    await Promise.all([check(), check(), check()])
    time.now = 10 * minute - 1
    await check()
    expect(provider.asked).toBe(1)
    time.now = 10 * minute
    await Promise.all([check(), check(), check()])
    expect(provider.asked).toBe(2)
  })

  test.each(['broken', 'garbled', 'silent'] as const)(
    'are used for a day while the provider is %s, and asked for every half minute',
    async (manner) => {
      const { time, log, check } = await setUp({ firstMs: 60_000, refreshMs: 20 })
      await check()
      provider.manner = manner
      time.now = 10 * minute
      for (let token = 0; token < 20; token++) expect(await check()).toMatchObject(accepted)
      expect(provider.asked).toBe(2)
      expect(log.lines).toMatchObject([
        { level: 'warn', message: 'Could not read the signing keys of the identity provider', ageMs: 10 * minute },
      ])
      time.now += 30 * second
      await check()
      expect(provider.asked).toBe(3)
      time.now = 24 * hour - 1
      expect(await check()).toMatchObject(accepted)
      time.now = 24 * hour
      await expect(check()).rejects.toMatchObject({ name: 'StoreUnavailable', service: 'jwks' })
      provider.manner = 'well'
      time.now += 30 * second
      expect(await check()).toMatchObject(accepted)
    },
  )

  test('serve everybody else at once while one token waits for newer ones', async () => {
    const { time, check } = await setUp()
    await check()
    provider.manner = 'silent'
    time.now = 10 * minute
    const patient = check()
    await expect.poll(() => provider.waiting.length).toBe(1)
    for (let token = 0; token < 20; token++) expect(await check()).toMatchObject(accepted)
    for (const response of provider.waiting) answer(response)
    expect(await patient).toMatchObject(accepted)
    expect(provider.asked).toBe(2)
  })

  test('that the provider has withdrawn are refused as soon as the set was read again', async () => {
    const { time, check } = await setUp()
    await check()
    provider.kids = ['b']
    time.now = 10 * minute
    expect(await check('a')).toEqual(refused)
    expect(await check('b')).toMatchObject(accepted)
  })
})

describe('a key that is not known', () => {
  test('is found when the provider has begun to sign with it, also by many tokens at once', async () => {
    const { time, check } = await setUp()
    await check()
    provider.kids = ['a', 'b']
    time.now = 30 * second
    const all = await Promise.all(Array.from({ length: 5 }, () => check('b')))
    expect(all.every(({ ok }) => ok)).toBe(true)
    expect(provider.asked).toBe(2)
  })

  test.each(['well', 'broken', 'silent'] as const)(
    'is asked for once in half a minute, and is refused or fails, while the provider does %s',
    async (manner) => {
      const { time, check } = await setUp({ firstMs: 60_000, refreshMs: 20 })
      await check()
      expect(await check('made-up')).toEqual(refused)
      expect(provider.asked).toBe(1)
      provider.manner = manner
      for (let round = 1; round <= 3; round++) {
        time.now += 30 * second
        for (let token = 0; token < 20; token++) {
          const checked = check(`made-up-${token}`)
          if (manner === 'well') expect(await checked).toEqual(refused)
          else await expect(checked).rejects.toBeInstanceOf(StoreUnavailable)
        }
        expect(provider.asked).toBe(1 + round)
        expect(await check()).toMatchObject(accepted)
      }
    },
  )

  test('also withdraws a key when it makes us read the set again', async () => {
    const { time, check } = await setUp()
    await check()
    provider.kids = ['b']
    time.now = 30 * second
    expect(await check('b')).toMatchObject(accepted)
    expect(await check('a')).toEqual(refused)
  })
})

describe('without any keys', () => {
  test.each(['broken', 'garbled', 'silent'] as const)(
    'a provider that is %s is asked every five seconds, however many tokens come',
    async (manner) => {
      const { time, check } = await setUp({ firstMs: 20, refreshMs: 20 })
      provider.manner = manner
      for (let token = 0; token < 20; token++) await expect(check()).rejects.toBeInstanceOf(StoreUnavailable)
      expect(provider.asked).toBe(1)
      time.now = 5 * second - 1
      await expect(check()).rejects.toBeInstanceOf(StoreUnavailable)
      expect(provider.asked).toBe(1)
      provider.manner = 'well'
      time.now = 5 * second
      expect(await check()).toMatchObject(accepted)
    },
  )

  test('tokens that come together wait for the same answer', async () => {
    const { check } = await setUp()
    provider.manner = 'silent'
    const waiting = [check(), check(), check()]
    await expect.poll(() => provider.waiting.length).toBe(1)
    for (const response of provider.waiting) answer(response)
    expect(await Promise.all(waiting)).toMatchObject([accepted, accepted, accepted])
    expect(provider.asked).toBe(1)
  })

  test('an address where nobody listens is an outage', async () => {
    const closed = createServer()
    await once(closed.listen(0, '127.0.0.1'), 'listening')
    const url = new URL(`http://127.0.0.1:${(closed.address() as AddressInfo).port}/jwks`)
    await once(closed.close(), 'close')
    const find = jwks(url, { clock: () => 0 })
    const token = { payload: '', signature: '' }
    await expect(find({ alg: 'EdDSA', kid: 'a' }, token)).rejects.toBeInstanceOf(StoreUnavailable)
  })
})
