/** Who a token speaks for (R30): JWT with everything pinned that can be. */
import { type JWTVerifyGetKey, jwtVerify } from 'jose/jwt/verify'
import * as v from 'valibot'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import { CompanyId } from '#shared/protocol/company-id.ts'

const exp = v.pipe(v.number(), v.finite())
/** A language that we do not speak is no reason to refuse a token. */
const lang = v.fallback(v.optional(v.picklist(['ru', 'en'])), undefined)

const Claims = v.variant('role', [
  v.object({ role: v.literal('marketplace'), companyId: CompanyId, lang, exp }),
  v.object({ role: v.literal('admin'), lang, exp }),
])

/** What a token says about who sent it; `exp` is in epoch seconds. */
export type Caller = v.InferOutput<typeof Claims>

/** Keys that tokens may be signed with. */
export type TokenKeys = {
  readonly algorithms: readonly string[]
  /** `again`: those known did not do; undefined when looking again so soon would bring nothing new. */
  find(again?: 'again'): Promise<readonly (Uint8Array | JWTVerifyGetKey)[] | undefined>
}

export type TokenSettings = {
  readonly issuer: string
  readonly audience: string
  /** HS256 secret in Secrets Manager; used when there is no JWKS URL. */
  readonly secretArn?: string | undefined
  readonly jwksUrl?: string | undefined
}

export type VerifyToken = (token: string) => Promise<Result<Caller, 'invalid'>>

/** The settings in a function's environment. */
export const tokenSettings = (env: {
  readonly TOKEN_ISSUER: string
  readonly TOKEN_AUDIENCE: string
  readonly TOKEN_SECRET_ARN?: string | undefined
  readonly TOKEN_JWKS_URL?: string | undefined
}): TokenSettings => ({
  issuer: env.TOKEN_ISSUER,
  audience: env.TOKEN_AUDIENCE,
  secretArn: env.TOKEN_SECRET_ARN,
  jwksUrl: env.TOKEN_JWKS_URL,
})

/**
 * Makes the check of a token: signature, algorithm, issuer, audience, expiry, claims. A refusal does not say which it
 * was. Throws only when the keys cannot be had.
 */
export function tokenVerifier(settings: TokenSettings, loadKeys = () => keysOf(settings)): VerifyToken {
  let loaded: Promise<TokenKeys> | undefined
  return async (token) => {
    if (token.length > maxTokenLength) return err('invalid')
    loaded ??= loadKeys()
    const keys = await loaded
    const known = await keys.find()
    const verified = await verifyWith(known ?? [], token, settings, keys.algorithms)
    if (verified !== 'wrongKey') return verified
    const newer = await keys.find('again')
    const checked = newer ? await verifyWith(newer, token, settings, keys.algorithms) : verified
    return checked === 'wrongKey' ? err('invalid') : checked
  }
}

const maxTokenLength = 8192
/** Seconds by which our clock and the signer's may differ. */
const clockTolerance = 5

/** Whether a token of this expiry (epoch seconds) is over at `now` (epoch ms). */
export const isExpired = (expiry: number, now: number): boolean => now >= (expiry + clockTolerance) * 1000

/** A chunk of its own: the authorizer loads Secrets Manager's client or the JWKS reader only when it needs them. */
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

/** What jose says about a token that is bad; its other errors are about keys that cannot be had. */
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
