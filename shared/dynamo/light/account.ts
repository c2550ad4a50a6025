/** Endpoint, region and credentials, found by the SDK as for its own calls. */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb'
import type { Identity } from './signature.ts'

export type Account = {
  /** Address and region of all calls, resolved once; a failure is forgotten. */
  readonly place: () => Promise<{ readonly endpoint: URL; readonly region: string }>
  /** Current credentials. The SDK keeps them, and gets others before they expire. `isFresh`: gets others at once. */
  readonly credentials: (isFresh?: boolean) => Promise<Identity>
}

export function findAccount(config: DynamoDBClientConfig): Account {
  const client = new DynamoDBClient(config)
  let place: ReturnType<Account['place']> | undefined
  const resolve = async () => ({ endpoint: await resolveEndpoint(config), region: await client.config.region() })
  return {
    place: () => {
      place ??= resolve().catch((error) => {
        place = undefined
        throw error
      })
      return place
    },
    credentials: (isFresh = false) => client.config.credentials(isFresh ? { forceRefresh: true } : undefined),
  }
}

/** Lets the SDK prepare a call, which is not sent: variables, profiles, FIPS and endpoints of accounts count as always. */
async function resolveEndpoint(config: DynamoDBClientConfig): Promise<URL> {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(config))
  const { promise, resolve } = Promise.withResolvers<URL>()
  client.middlewareStack.add(
    () =>
      async ({ request }) => {
        const { protocol, hostname, port, path } = request as Readonly<Record<string, string | undefined>>
        resolve(new URL(`${protocol}//${hostname}${port ? `:${port}` : ''}${path}`))
        return { response: undefined, output: { $metadata: {} } }
      },
    { step: 'build', name: 'resolveEndpoint' },
  )
  await client.send(new GetCommand({ TableName: 'not-sent', Key: {} }))
  return promise
}
