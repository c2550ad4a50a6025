/** Secrets from Secrets Manager, kept for some minutes and fetched again on demand. */
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager'
import { requestHandler } from '#shared/dynamo/document-client.ts'
import { StoreUnavailable, translateFailures } from '#shared/dynamo/store-unavailable.ts'
import type { Clock } from '#shared/ports.ts'

/** A secret around its rotation: what was signed with the previous value stays valid for a while. */
export type SecretValues = { readonly current: string; readonly previous?: string }

export type Secret = {
  /** The values, at most five minutes old while Secrets Manager answers. */
  read(): Promise<SecretValues>
  /** Fetches again, e.g. when a signature fits neither value; at most every half minute, whoever asks. */
  refresh(): Promise<SecretValues>
}

const freshForMs = 5 * 60_000
const refreshAfterMs = 30_000

/** A client of Secrets Manager whose failures are `StoreUnavailable`. */
export function secretsClient(config: SecretsManagerClientConfig = {}): SecretsManagerClient {
  return translateFailures(new SecretsManagerClient({ requestHandler: requestHandler(), ...config }), 'secretsmanager')
}

/** A cached secret. While Secrets Manager is away, values that are known already go on being used. */
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
      // Readers do not wait for Secrets Manager again at once.
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
