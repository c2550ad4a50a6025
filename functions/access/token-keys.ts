/** Keys that verify tokens. It is a separate chunk, loaded by the first token. */
import { JWKSMultipleMatchingKeys, JWKSNoMatchingKey } from 'jose/errors'
import { createRemoteJWKSet } from 'jose/jwks/remote'
import type { JWTVerifyGetKey } from 'jose/jwt/verify'
import { cachedSecret, type SecretValues, secretsClient } from '#shared/aws/secret.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { TokenKeys, TokenSettings } from './tokens.ts'

/** RFC 7518 requires a key at least as long as the hash. */
const minBytes = 32

/** Returns the JWKS if the settings name one, else the current and the previous value of the secret. */
export function tokenKeys({ jwksUrl, secretArn }: TokenSettings): TokenKeys {
  if (jwksUrl !== undefined) return jwksKeys(jwksUrl)
  if (secretArn !== undefined) return secretKeys(secretArn)
  throw new Error('Tokens cannot be checked: neither TOKEN_JWKS_URL nor TOKEN_SECRET_ARN is set')
}

/** Keys of a JWKS URL. jose fetches the set, keeps it for ten minutes, and fetches it again for an unknown key. */
function jwksKeys(url: string): TokenKeys {
  const set = createRemoteJWKSet(new URL(url))
  const key: JWTVerifyGetKey = async (header, token) => {
    try {
      return await set(header, token)
    } catch (error) {
      // A token that fits no single key of the set is refused. Any other error means that the set cannot be fetched or
      // read.
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
