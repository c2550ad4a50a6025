import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose/jwt/sign'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { tokenVerifier } from '../../../functions/access/tokens.ts'

const pairs = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
}
const keys = Object.entries(pairs).map(([alg, { publicKey }]) => ({
  ...publicKey.export({ format: 'jwk' }),
  kid: alg,
  alg,
}))

const servers: Server[] = []
let origin: string

/** Serves a set at `/jwks` on the loopback, and returns the origin. */
async function serve(set: readonly object[]): Promise<string> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/jwks' ? 200 : 500
    response.end(JSON.stringify({ keys: set }))
  })
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  origin = await serve(keys)
})
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

const claims = { issuer: 'https://idp.test', audience: 'pairplane' }
const sign = (alg: string, key: KeyObject | Uint8Array, kid = alg) =>
  new SignJWT({ role: 'admin' })
    .setProtectedHeader({ alg, kid })
    .setIssuer(claims.issuer)
    .setAudience(claims.audience)
    .setExpirationTime('1m')
    .sign(key)

describe('keys of a JWKS', () => {
  test('verify Ed25519, as RFC 9864 calls it, and under its older name', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const both = { ...publicKey.export({ format: 'jwk' }), kid: 'both' }
    const newName = { ...both, kid: 'Ed25519', alg: 'Ed25519' }
    const verify = tokenVerifier({ ...claims, jwksUrl: `${await serve([both, newName])}/jwks` })
    for (const [alg, kid] of [
      ['EdDSA', 'both'],
      ['Ed25519', 'both'],
      ['Ed25519', 'Ed25519'],
    ] as const)
      expect(await verify(await sign(alg, privateKey, kid))).toMatchObject({ ok: true })
    expect(await verify(await sign('Ed25519', pairs.EdDSA.privateKey, 'both'))).toEqual({ ok: false, error: 'invalid' })
  })

  test.each(Object.entries(pairs))('verify %s', async (alg, { privateKey }) => {
    const verify = tokenVerifier({ ...claims, jwksUrl: `${origin}/jwks` })
    expect(await verify(await sign(alg, privateKey))).toMatchObject({ ok: true, value: { role: 'admin' } })
  })

  test('refuse a key that the set does not have', async () => {
    const verify = tokenVerifier({ ...claims, jwksUrl: `${origin}/jwks` })
    const stranger = generateKeyPairSync('ed25519').privateKey
    expect(await verify(await sign('EdDSA', stranger, 'stranger'))).toEqual({ ok: false, error: 'invalid' })
    expect(await verify(await sign('EdDSA', stranger))).toEqual({ ok: false, error: 'invalid' })
  })

  test.each(['/broken', ':1/'])('that cannot be fetched are an outage, not a refusal: %s', async (path) => {
    const url = path === '/broken' ? `${origin}${path}` : 'http://127.0.0.1:1/jwks'
    const verify = tokenVerifier({ ...claims, jwksUrl: url })
    await expect(verify(await sign('EdDSA', pairs.EdDSA.privateKey))).rejects.toBeInstanceOf(StoreUnavailable)
  })
})

test('without any keys no token is accepted', async () => {
  const verify = tokenVerifier(claims)
  await expect(verify(await sign('EdDSA', pairs.EdDSA.privateKey))).rejects.toThrow('neither TOKEN_JWKS_URL')
})
