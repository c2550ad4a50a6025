/** Keys that verify tokens. It is a separate chunk, loaded by the first token. */
import { cachedSecret, type SecretValues, secretsClient } from '#shared/aws/secret.ts'
import { type JwksDeps, jwks } from './jwks.ts'
import type { TokenKeys, TokenSettings } from './tokens.ts'

/** RFC 7518 requires a key at least as long as the hash. */
const minBytes = 32

/** Returns the JWKS if the settings name one, else the current and the previous value of the secret. */
export function tokenKeys(
  { jwksUrl, secretArn, warn }: TokenSettings,
  deps: JwksDeps = { clock: Date.now },
): TokenKeys {
  if (jwksUrl !== undefined) return jwksKeys(jwksUrl, { warn, ...deps })
  if (secretArn !== undefined) return secretKeys(secretArn)
  throw new Error('Tokens cannot be checked: neither TOKEN_JWKS_URL nor TOKEN_SECRET_ARN is set')
}

/** RFC 9864 calls `Ed25519` what older signers call `EdDSA`. */
const jwksAlgorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519']

function jwksKeys(url: string, deps: JwksDeps): TokenKeys {
  const key = jwks(new URL(url), deps)
  return { algorithms: jwksAlgorithms, find: async (again) => (again ? undefined : [key]) }
}

function secretKeys(arn: string): TokenKeys {
  const secret = cachedSecret(secretsClient(), arn, Date.now)
  return {
    algorithms: ['HS256'],
    // Tokens may be signed with a new secret while we still have the old one cached.
    find: async (again) => bytesOf(again ? await secret.refresh() : await secret.read()),
  }
}

function bytesOf({ current, previous }: SecretValues): readonly Uint8Array[] {
  const values = [current, ...(previous === undefined ? [] : [previous])].map((value) =>
    new TextEncoder().encode(value),
  )
  if (values.some((bytes) => bytes.length < minBytes))
    throw new Error(`The secret of tokens must have at least ${minBytes} bytes`)
  return values
}
