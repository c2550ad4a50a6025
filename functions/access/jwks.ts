/** Signing keys behind a JWKS URL, which stay usable for a day while the identity provider is away (R30). */
import { JWKSMultipleMatchingKeys, JWKSNoMatchingKey } from 'jose/errors'
import { createLocalJWKSet, type LocalJWKSet } from 'jose/jwks/local'
import { createRemoteJWKSet } from 'jose/jwks/remote'
import type { JWTVerifyGetKey } from 'jose/jwt/verify'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Clock } from '#shared/ports.ts'
import type { TokenSettings } from './tokens.ts'

export type JwksDeps = {
  readonly clock: Clock
  readonly warn?: TokenSettings['warn']
  readonly limits?: JwksLimits
}

/** Milliseconds for which an answer of the identity provider is awaited. */
export type JwksLimits = {
  /** While no keys are known: nothing can be answered without them. */
  readonly firstMs: number
  /** While keys are known: the one request that asks for newer ones waits so long. */
  readonly refreshMs: number
}

const defaultLimits: JwksLimits = { firstMs: 4_000, refreshMs: 1_500 }
/** Keys older than this are asked for again. */
const freshForMs = 10 * 60_000
/** Keys older than this verify nothing. */
const keptForMs = 24 * 60 * 60_000
/** Time between two attempts while keys are known, whether the first one succeeded or not. */
const refreshAfterMs = 30_000
/** Time between two attempts while none are known. It is shorter, because every token waits for them. */
const firstAfterMs = 5_000

/**
 * Makes the look-up of a token's key. It throws jose's `JWKSNoMatchingKey` or `JWKSMultipleMatchingKeys` for a token that
 * fits no single key, and `StoreUnavailable` when no keys of the last day are known, or when the token fits none of them and
 * newer ones could not be read.
 *
 * An attempt is always awaited by the request that starts it: Lambda freezes a fetch that is still running when the answer
 * is given, and it would fail at the next request. So one request in half a minute waits, for a second and a half at most;
 * the others get the known keys at once.
 */
export function jwks(url: URL, { clock, warn, limits = defaultLimits }: JwksDeps): JWTVerifyGetKey {
  let known: { readonly keys: LocalJWKSet; readonly fetchedAt: number } | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  let running: Promise<void> | undefined

  const usable = () => (known && clock() - known.fetchedAt < keptForMs ? known : undefined)
  const mayTry = () => clock() - triedAt >= (usable() ? refreshAfterMs : firstAfterMs)

  const attempt = async () => {
    triedAt = clock()
    failure = undefined
    try {
      known = { keys: await fetchKeys(url, usable() ? limits.refreshMs : limits.firstMs), fetchedAt: triedAt }
    } catch (error) {
      failure = error
      const ageMs = known && clock() - known.fetchedAt
      await warn?.('Could not read the signing keys of the identity provider', { error, ageMs })
    } finally {
      running = undefined
    }
  }

  /** Starts an attempt if it may, or waits for the one that is running. It does not reject. */
  const refresh = async () => {
    if (!running && mayTry()) running = attempt()
    await running
  }

  const current = async (): Promise<LocalJWKSet> => {
    const before = usable()
    if (before && (running || clock() - before.fetchedAt < freshForMs)) return before.keys
    await refresh()
    const after = usable()
    if (!after) throw new StoreUnavailable('jwks', failure)
    return after.keys
  }

  return async (header, token) => {
    const keys = await current()
    try {
      return await keyIn(keys, header, token)
    } catch (error) {
      if (!(error instanceof JWKSNoMatchingKey)) throw error
      await refresh()
      const newer = await current()
      if (newer !== keys) return keyIn(newer, header, token)
      // The key may be a new one while the provider cannot be asked: a refusal would be final.
      throw failure === undefined ? error : new StoreUnavailable('jwks', failure)
    }
  }
}

/** Fetches the set once. jose checks the answer, follows no redirects, and gives up after `limitMs`. */
async function fetchKeys(url: URL, limitMs: number): Promise<LocalJWKSet> {
  const remote = createRemoteJWKSet(url, { timeoutDuration: limitMs })
  await remote.reload()
  return createLocalJWKSet(remote.jwks() ?? { keys: [] })
}

/** Returns the key of a token. A key of the set that cannot be read is a fault of the provider, not of the token. */
async function keyIn(keys: LocalJWKSet, ...[header, token]: Parameters<JWTVerifyGetKey>) {
  try {
    return await keys(header, token)
  } catch (error) {
    const isRefusal = error instanceof JWKSNoMatchingKey || error instanceof JWKSMultipleMatchingKeys
    throw isRefusal ? error : new StoreUnavailable('jwks', error)
  }
}
