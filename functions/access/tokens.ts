/** Verification of tokens (R30). Algorithms, issuer, audience and required claims are all pinned. */
import { type JWTVerifyGetKey, jwtVerify } from 'jose/jwt/verify'
import * as v from 'valibot'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import { CompanyId } from '#shared/protocol/company-id.ts'
import type { LogFields } from '#shared/telemetry/log-fields.ts'

const exp = v.pipe(v.number(), v.finite())
/** An unknown language is ignored; it must not make a token invalid. */
const lang = v.fallback(v.optional(v.picklist(['ru', 'en'])), undefined)

/** Person or service that a token was signed for. An unusable one is ignored, like the language. */
const sub = v.fallback(v.optional(v.pipe(v.string(), v.regex(/^.{1,256}$/s))), undefined)

const Claims = v.variant('role', [
  v.object({ role: v.literal('marketplace'), companyId: CompanyId, lang, sub, exp }),
  v.object({ role: v.literal('admin'), lang, sub, exp }),
])

/** Claims of a verified token. `exp` is in epoch seconds. */
export type Caller = v.InferOutput<typeof Claims>

/** Keys that tokens may be signed with. */
export type TokenKeys = {
  readonly algorithms: readonly string[]
  /** Returns the keys. `again`: none of the known keys fits; undefined when there are no others to try. */
  find(again?: 'again'): Promise<readonly (Uint8Array | JWTVerifyGetKey)[] | undefined>
}

export type TokenSettings = {
  readonly issuer: string
  readonly audience: string
  /** ARN of the HS256 secret in Secrets Manager; used when there is no JWKS URL. */
  readonly secretArn?: string | undefined
  readonly jwksUrl?: string | undefined
  /** Logs that the signing keys could not be read, and that older ones are used. It is awaited. */
  readonly warn?: ((message: string, fields: LogFields) => Promise<void> | void) | undefined
}

export type VerifyToken = (token: string) => Promise<Result<Caller, 'invalid'>>

/** Returns the settings in a function's environment. */
export const tokenSettings = (
  env: {
    readonly TOKEN_ISSUER: string
    readonly TOKEN_AUDIENCE: string
    readonly TOKEN_SECRET_ARN?: string | undefined
    readonly TOKEN_JWKS_URL?: string | undefined
  },
  warn?: TokenSettings['warn'],
): TokenSettings => ({
  issuer: env.TOKEN_ISSUER,
  audience: env.TOKEN_AUDIENCE,
  secretArn: env.TOKEN_SECRET_ARN,
  jwksUrl: env.TOKEN_JWKS_URL,
  warn,
})

/**
 * Makes a function that checks signature, algorithm, issuer, audience, expiry and claims of a token. `invalid` does not
 * say which check failed. The function throws only when the keys cannot be loaded.
 */
export function tokenVerifier(settings: TokenSettings, loadKeys = () => keysOf(settings)): VerifyToken {
  let loaded: Promise<TokenKeys> | undefined
  return async (token) => {
    if (token.length > maxTokenLength) return err('invalid')
    loaded ??= loadKeys()
    const keys = await loaded
    for (const again of [undefined, 'again'] as const) {
      const verified = await verifyWith((await keys.find(again)) ?? [], token, settings, keys.algorithms)
      if (verified !== 'wrongKey') return verified
    }
    return err('invalid')
  }
}

const maxTokenLength = 8192
/** Seconds by which our clock and the signer's may differ. */
const clockTolerance = 5
/** Epoch ms. A larger number may be too large for a table. */
const lastDate = 8.64e15

/** Returns the time (epoch ms) from which on a token with this expiry (epoch seconds) is refused. Every date can be stored. */
export const refusedFrom = (expiry: number): number => Math.min((expiry + clockTolerance) * 1000, lastDate)

/**
 * Loads the keys from a separate chunk, so that the authorizer starts without Secrets Manager's client and JWKS reader.
 */
async function keysOf(settings: TokenSettings): Promise<TokenKeys> {
  const { tokenKeys } = await import('./token-keys.ts')
  return tokenKeys(settings)
}

async function verifyWith(
  keys: readonly (Uint8Array | JWTVerifyGetKey)[],
  token: string,
  { issuer, audience }: TokenSettings,
  algorithms: readonly string[],
): Promise<Result<Caller, 'invalid'> | 'wrongKey'> {
  for (const key of keys) {
    const options = { issuer, audience, algorithms: [...algorithms], clockTolerance, requiredClaims: ['exp'] }
    try {
      const { payload } = await jwtVerify(token, key, options)
      const claims = v.safeParse(Claims, payload)
      return claims.success ? ok(claims.output) : err('invalid')
    } catch (error) {
      const code = joseCode(error)
      if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') continue
      if (refusals.has(code)) return err('invalid')
      throw error
    }
  }
  return 'wrongKey'
}

/** Codes of jose for a bad token. Its other errors are about keys that cannot be loaded. */
const refusals: ReadonlySet<string> = new Set([
  'ERR_JWT_CLAIM_VALIDATION_FAILED',
  'ERR_JWT_EXPIRED',
  'ERR_JWT_INVALID',
  'ERR_JWS_INVALID',
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
])

const joseCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
