/** Endpoint, region and credentials, found by the SDK as for its own calls. */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb'
import type { Identity } from './signature.ts'

type Place = { readonly endpoint: URL; readonly region: string }

export type Account = {
  /** Address and region of all calls, found once. After a failure they are looked for again. */
  readonly place: () => Promise<Place>
  /** Current credentials. The SDK keeps them, and gets others before they expire; with `isFresh` it gets others at once. */
  readonly credentials: (isFresh?: boolean) => Promise<Identity>
}

export function findAccount(config: DynamoDBClientConfig): Account {
  const client = new DynamoDBClient(config)
  const resolveEndpoint = endpointOf(client)
  const find = async () => ({ endpoint: await resolveEndpoint(), region: await client.config.region() })
  let place: Promise<Place> | undefined
  return {
    place: () => {
      place ??= find().catch((error) => {
        place = undefined
        throw error
      })
      return place
    },
    credentials: (isFresh = false) => client.config.credentials(isFresh ? { forceRefresh: true } : undefined),
  }
}

/** Lets the SDK prepare a call, which is not sent: variables, profiles, FIPS and endpoints of accounts count as always. */
function endpointOf(client: DynamoDBClient): () => Promise<URL> {
  let endpoint: URL | undefined
  client.middlewareStack.add(
    () =>
      async ({ request }) => {
        const { protocol, hostname, port, path } = request as Readonly<Record<string, string | undefined>>
        endpoint = new URL(`${protocol}//${hostname}${port ? `:${port}` : ''}${path}`)
        return { response: undefined, output: { $metadata: {} } }
      },
    { step: 'build', name: 'endpointOf' },
  )
  return async () => {
    await DynamoDBDocumentClient.from(client).send(new GetCommand({ TableName: 'not-sent', Key: {} }))
    if (!endpoint) throw new Error('The SDK has prepared no request')
    return endpoint
  }
}
