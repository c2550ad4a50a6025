/** The keys that tokens are checked with: a chunk of its own, loaded by the first token. */
import { JWKSMultipleMatchingKeys, JWKSNoMatchingKey } from 'jose/errors'
import { createRemoteJWKSet } from 'jose/jwks/remote'
import type { JWTVerifyGetKey } from 'jose/jwt/verify'
import { cachedSecret, type SecretValues, secretsClient } from '#shared/aws/secret.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { TokenKeys, TokenSettings } from './tokens.ts'

/** RFC 7518 asks for a key at least as long as the hash. */
const minBytes = 32

/** The keys of the settings: a JWKS if there is one, else the current and the previous value of the secret. */
export function tokenKeys({ jwksUrl, secretArn }: TokenSettings): TokenKeys {
  if (jwksUrl !== undefined) return jwksKeys(jwksUrl)
  if (secretArn !== undefined) return secretKeys(secretArn)
  throw new Error('Tokens cannot be checked: neither TOKEN_JWKS_URL nor TOKEN_SECRET_ARN is set')
}

/** jose fetches the set, keeps it for ten minutes, and looks again for a key that it does not know. */
function jwksKeys(url: string): TokenKeys {
  const set = createRemoteJWKSet(new URL(url))
  const key: JWTVerifyGetKey = async (header, token) => {
    try {
      return await set(header, token)
    } catch (error) {
      // Which key it should be is the token's business; a set that cannot be fetched or read is not.
      const isRefusal = error instanceof JWKSNoMatchingKey || error instanceof JWKSMultipleMatchingKeys
      throw isRefusal ? error : new StoreUnavailable('jwks', error)
    }
  }
  return { algorithms: ['RS256', 'ES256', 'EdDSA'], find: async (again) => (again ? undefined : [key]) }
}

function secretKeys(arn: string): TokenKeys {
  const secret = cachedSecret(secretsClient(), arn, Date.now)
  return {
    algorithms: ['HS256'],
    // A new secret may be in use before we have noticed that the old one was rotated.
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
