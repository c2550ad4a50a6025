import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { createLocalJWKSet } from 'jose/jwks/local'
import { SignJWT } from 'jose/jwt/sign'
import { UnsecuredJWT } from 'jose/jwt/unsecured'
import { describe, expect, test } from 'vitest'
import { refusedFrom, type TokenKeys, tokenVerifier } from '../../../functions/access/tokens.ts'

const settings = { issuer: 'https://marketplace.test', audience: 'pairplane' }
const secret = new TextEncoder().encode('s'.repeat(64))
const previous = new TextEncoder().encode('p'.repeat(64))
const other = new TextEncoder().encode('o'.repeat(64))
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig' }

const secretKeys: TokenKeys = {
  algorithms: ['HS256'],
  find: async (again) => (again ? undefined : [secret, previous]),
}
const jwksKeys: TokenKeys = {
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  find: async (again) => (again ? undefined : [createLocalJWKSet({ keys: [jwk] })]),
}
const verifySecret = tokenVerifier(settings, async () => secretKeys)
const verifyJwks = tokenVerifier(settings, async () => jwksKeys)

const now = Math.floor(Date.now() / 1000)
const client = { companyId: '1001', role: 'marketplace' }

type Change = { header?: object; claims?: object; key?: Uint8Array | KeyObject; exp?: number; nbf?: number }

function sign({ header = {}, claims = client, key = secret, exp = now + 60, nbf }: Change = {}): Promise<string> {
  const jwt = new SignJWT({ iss: settings.issuer, aud: settings.audience, ...claims })
    .setProtectedHeader({ alg: 'HS256', ...header })
    .setExpirationTime(exp)
  return (nbf === undefined ? jwt : jwt.setNotBefore(nbf)).sign(key)
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a token', () => {
  test('gives the claims of its sender', async () => {
    expect(await verifySecret(await sign({ claims: { ...client, lang: 'en' } }))).toEqual({
      ok: true,
      value: { ...client, lang: 'en', exp: now + 60 },
    })
  })

  test('of an admin needs no company', async () => {
    expect(await verifySecret(await sign({ claims: { role: 'admin' } }))).toMatchObject({
      ok: true,
      value: { role: 'admin' },
    })
  })

  test('signed with the previous secret is still good', async () => {
    expect(await verifySecret(await sign({ key: previous }))).toMatchObject({ ok: true })
  })

  test('signed with a secret that is newer than those known is good once it is read', async () => {
    const verify = tokenVerifier(settings, async () => ({
      algorithms: ['HS256'],
      find: async (again) => (again ? [other, secret] : [secret, previous]),
    }))
    expect(await verify(await sign({ key: other }))).toMatchObject({ ok: true })
  })

  test('signed by a key of the JWKS is good', async () => {
    expect(await verifyJwks(await sign({ header: { alg: 'RS256', kid: 'k1' }, key: privateKey }))).toMatchObject({
      ok: true,
    })
  })

  test('gives the person it was signed for, if it names one in a usable way', async () => {
    const subOf = async (sub: unknown) => {
      const verified = await verifySecret(await sign({ claims: { ...client, sub } }))
      return verified.ok ? (verified.value.sub ?? 'none') : 'refused'
    }
    expect(await subOf('anna@example.test')).toBe('anna@example.test')
    expect(await subOf('x'.repeat(256))).toHaveLength(256)
    for (const unusable of ['', 'x'.repeat(257), 7, null, { id: 'anna' }]) expect(await subOf(unusable)).toBe('none')
  })

  test('with an unknown language is good', async () => {
    expect(await verifySecret(await sign({ claims: { ...client, lang: 'de' } }))).toMatchObject({ ok: true })
  })
})

const unexpiring = () =>
  new SignJWT({ iss: settings.issuer, aud: settings.audience, ...client })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(secret)

const unsecured = async () =>
  new UnsecuredJWT({ iss: settings.issuer, aud: settings.audience, ...client }).setExpirationTime(now + 60).encode()

const tampered = async () => {
  const [header, , signature] = (await sign()).split('.')
  const claims = { iss: settings.issuer, aud: settings.audience, companyId: 'other', role: 'admin', exp: now + 60 }
  return `${header}.${base64url(claims)}.${signature}`
}

/** Public key used as an HMAC secret. */
const confused = () =>
  sign({ key: createSecretKey(Buffer.from(publicKey.export({ format: 'pem', type: 'spki' }).toString())) })

describe('a token is refused', () => {
  test.each<[string, () => Promise<string>]>([
    ['without a signature (alg none)', unsecured],
    ['whose claims were changed', tampered],
    ['of another audience', () => sign({ claims: { ...client, aud: 'elsewhere' } })],
    ['of another issuer', () => sign({ claims: { ...client, iss: 'https://elsewhere.test' } })],
    ['that has expired', () => sign({ exp: now - 6 })],
    ['that never expires', unexpiring],
    ['that is not valid yet', () => sign({ nbf: now + 60 })],
    ['signed with another secret', () => sign({ key: other })],
    ['signed with another algorithm than the one pinned', () => sign({ header: { alg: 'HS512' } })],
    ['signed with RSA where a secret is expected', () => sign({ header: { alg: 'RS256' }, key: privateKey })],
    ['of a client without a company', () => sign({ claims: { role: 'marketplace' } })],
    ['of a company with a malformed id', () => sign({ claims: { ...client, companyId: '../admin' } })],
    ['of a company that is not text', () => sign({ claims: { ...client, companyId: 1001 } })],
    ['without a role', () => sign({ claims: { companyId: '1001' } })],
    ['of an unknown role', () => sign({ claims: { ...client, role: 'root' } })],
    ['of any length', async () => `${await sign()}${'A'.repeat(10_000)}`],
    ['that is empty', async () => ''],
  ])('%s', async (_name, token) => {
    expect(await verifySecret(await token())).toEqual({ ok: false, error: 'invalid' })
  })

  test.each<[string, () => Promise<string>]>([
    ['signed with the public key as a secret', confused],
    ['of a key that is not in the set', () => sign({ header: { alg: 'RS256', kid: 'k2' }, key: privateKey })],
    ['without a signature', unsecured],
  ])('with a JWKS: %s', async (_name, token) => {
    expect(await verifyJwks(await token())).toEqual({ ok: false, error: 'invalid' })
  })

  test('made of anything', async () => {
    const part = fc.oneof(fc.string(), fc.base64String(), fc.object().map(base64url))
    const token = fc.oneof(
      fc.string(),
      fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
    )
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        expect(await verifySecret(text)).toEqual({ ok: false, error: 'invalid' })
        expect(await verifyJwks(text)).toEqual({ ok: false, error: 'invalid' })
      }),
    )
  })
})

test('keys that cannot be loaded are an outage, not a refusal', async () => {
  const verify = tokenVerifier(settings, async () => ({
    algorithms: ['HS256'],
    find: () => Promise.reject(new Error('away')),
  }))
  await expect(verify(await sign())).rejects.toThrow('away')
})

test('a connection ends with its token, five seconds after it at the latest', () => {
  expect(refusedFrom(1_000)).toBe(1_005_000)
})
