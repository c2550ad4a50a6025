/** Configuration of the SDK's client of DynamoDB, and the limits of its calls. */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { translateFailures } from './store-unavailable.ts'

/** Limits of a call; a try includes the time to connect. */
export type CallLimits = {
  readonly tries?: number
  /** Milliseconds for one try. */
  readonly tryMs?: number
  /** Milliseconds for connecting, and for waiting for a free socket. */
  readonly connectMs?: number
}

/** `maxSockets`: more than the concurrent requests, since waiting for a free socket counts towards `connectMs`. */
export const defaults = { tries: 3, tryMs: 2_000, connectMs: 1_000, maxSockets: 256 } as const

/** Makes a client whose failures are `StoreUnavailable`. Endpoint, region and credentials come from the environment. */
export function documentClient(limits: CallLimits = {}, config: DynamoDBClientConfig = {}): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    maxAttempts: limits.tries ?? defaults.tries,
    retryMode: 'standard',
    requestHandler: requestHandler(limits),
    ...config,
  })
  return DynamoDBDocumentClient.from(translateFailures(client, 'dynamodb'), {
    marshallOptions: { removeUndefinedValues: true },
  })
}

/** Time-outs for any client of the SDK. */
export function requestHandler({ tryMs = defaults.tryMs, connectMs = defaults.connectMs }: CallLimits = {}) {
  const agent = { keepAlive: true, maxSockets: defaults.maxSockets }
  return {
    connectionTimeout: Math.min(connectMs, tryMs),
    requestTimeout: tryMs,
    // Without this the SDK only logs a warning.
    throwOnRequestTimeout: true,
    socketTimeout: tryMs,
    httpAgent: agent,
    httpsAgent: agent,
  }
}
