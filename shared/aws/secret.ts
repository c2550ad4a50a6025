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
/** Time between two attempts while the values are known, whether the first one succeeded or not. */
const refreshAfterMs = 30_000
/** Time between two attempts while nothing is known. It is shorter, because every caller waits for the values. */
const firstAfterMs = 1_000

/** Makes a Secrets Manager client whose failures are `StoreUnavailable`. */
export function secretsClient(config: SecretsManagerClientConfig = {}): SecretsManagerClient {
  return translateFailures(new SecretsManagerClient({ requestHandler: requestHandler(), ...config }), 'secretsmanager')
}

/**
 * Makes a cached secret. While Secrets Manager is unavailable, it returns its values, or throws if it has none. A failed
 * attempt is not repeated by the next caller: bad signatures must not make us ask, and wait, each time.
 */
export function cachedSecret(client: SecretsManagerClient, secretId: string, clock: Clock): Secret {
  let known: { readonly values: SecretValues; readonly fetchedAt: number } | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  let running: Promise<void> | undefined

  const attempt = async () => {
    triedAt = clock()
    failure = undefined
    try {
      known = { values: await fetchValues(client, secretId), fetchedAt: triedAt }
    } catch (error) {
      failure = error
    } finally {
      running = undefined
    }
  }

  /** Fetches the values if the last attempt is long enough ago, or waits for the attempt that is running. */
  const refresh = async (): Promise<SecretValues> => {
    if (!running && clock() - triedAt >= (known ? refreshAfterMs : firstAfterMs)) running = attempt()
    await running
    if (!known || (failure !== undefined && !(failure instanceof StoreUnavailable))) throw failure
    return known.values
  }

  const read = async (): Promise<SecretValues> => {
    // While one caller asks for newer values, the others need not wait.
    if (known && (running || clock() - known.fetchedAt < freshForMs)) return known.values
    return refresh()
  }

  return { read, refresh }
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
