/** The SDK's clients, pointed at local endpoints. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import { credentials, region } from './account.ts'
import type { Endpoints } from './services.ts'

/** One client per service that the local run itself calls. */
export type Clients = {
  readonly dynamodb: DynamoDBClient
  readonly sqs: SQSClient
  readonly kms: KMSClient
  readonly secretsManager: SecretsManagerClient
}

/** Creates the clients, with the same credentials as functions and hosts use. */
export function clientsFor(endpoints: Endpoints): Clients {
  const at = (endpoint: string) => ({ endpoint, region, credentials })
  return {
    dynamodb: new DynamoDBClient(at(endpoints.dynamodb)),
    sqs: new SQSClient({ ...at(endpoints.sqs), useQueueUrlAsEndpoint: false }),
    kms: new KMSClient(at(endpoints.kms)),
    secretsManager: new SecretsManagerClient(at(endpoints.secretsManager)),
  }
}

/** Closes the clients' idle connections. */
export function destroyClients(clients: Clients): void {
  for (const client of Object.values(clients)) client.destroy()
}
