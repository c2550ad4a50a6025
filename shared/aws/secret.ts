/** Cached secrets from Secrets Manager. */
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager'
import { requestHandler } from '#shared/dynamo/document-client.ts'
import { StoreUnavailable, translateFailures } from '#shared/dynamo/store-unavailable.ts'
import type { Clock } from '#shared/ports.ts'

/** Values of a secret. The previous one stays in use after a rotation, for tokens that were signed with it. */
export type SecretValues = { readonly current: string; readonly previous?: string }

export type Secret = {
  /** Returns the values, at most five minutes old while Secrets Manager is available. */
  read(): Promise<SecretValues>
  /** Fetches again, such as when a signature fits neither; at most every 30 seconds for all callers together. */
  refresh(): Promise<SecretValues>
}

const freshForMs = 5 * 60_000
const refreshAfterMs = 30_000

/** Makes a Secrets Manager client whose failures are `StoreUnavailable`. */
export function secretsClient(config: SecretsManagerClientConfig = {}): SecretsManagerClient {
  return translateFailures(new SecretsManagerClient({ requestHandler: requestHandler(), ...config }), 'secretsmanager')
}

/** Makes a cached secret. While Secrets Manager is unavailable, it returns its values, or throws if it has none. */
export function cachedSecret(client: SecretsManagerClient, secretId: string, clock: Clock): Secret {
  let known: { readonly values: SecretValues; readonly fetchedAt: number } | undefined
  let fetching: Promise<SecretValues> | undefined

  const fetchOnce = (): Promise<SecretValues> => {
    fetching ??= fetchValues(client, secretId)
      .then((values) => {
        known = { values, fetchedAt: clock() }
        return values
      })
      .finally(() => {
        fetching = undefined
      })
    return fetching
  }

  const notOlderThan = async (ms: number): Promise<SecretValues> => {
    if (known && clock() - known.fetchedAt < ms) return known.values
    try {
      return await fetchOnce()
    } catch (error) {
      if (!known || !(error instanceof StoreUnavailable)) throw error
      // For 30 seconds readers get the known values at once, instead of waiting for Secrets Manager each time.
      known = { ...known, fetchedAt: clock() - freshForMs + refreshAfterMs }
      return known.values
    }
  }

  return { read: () => notOlderThan(freshForMs), refresh: () => notOlderThan(refreshAfterMs) }
}

async function fetchValues(client: SecretsManagerClient, secretId: string): Promise<SecretValues> {
  const [current, previous] = await Promise.all([
    fetchStage(client, secretId, 'AWSCURRENT'),
    fetchStage(client, secretId, 'AWSPREVIOUS'),
  ])
  if (current === undefined) throw new Error(`The secret ${secretId} has no value`)
  return { current, ...(previous !== undefined && { previous }) }
}

async function fetchStage(client: SecretsManagerClient, secretId: string, stage: 'AWSCURRENT' | 'AWSPREVIOUS') {
  try {
    const command = new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage })
    return (await client.send(command)).SecretString
  } catch (error) {
    // A secret that was never rotated has no previous version.
    if (stage === 'AWSPREVIOUS' && error instanceof ResourceNotFoundException) return undefined
    throw error
  }
}
