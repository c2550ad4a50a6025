/** Endpoint, region and credentials, found by the SDK as for its own calls. */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb'
import { type Identity, type Sign, signer } from './signature.ts'

type Place = { readonly endpoint: URL; readonly sign: Sign }

export type Account = {
  /** Address of all calls, and the signer of its region; found by the first call that succeeds in it. */
  readonly place: () => Promise<Place>
  /** Current credentials. The SDK keeps them, and gets others before they expire; with `isFresh` it gets others at once. */
  readonly credentials: (isFresh?: boolean) => Promise<Identity>
}

export function findAccount(config: DynamoDBClientConfig): Account {
  const client = new DynamoDBClient(config)
  const findEndpoint = endpointFinder(client)
  let place: Place | undefined
  return {
    place: async () => (place ??= { endpoint: await findEndpoint(), sign: signer(await client.config.region()) }),
    credentials: (isFresh) => client.config.credentials(isFresh ? { forceRefresh: true } : undefined),
  }
}

/** Lets the SDK prepare a call, which is not sent: variables, profiles, FIPS and endpoints of accounts count as always. */
function endpointFinder(client: DynamoDBClient): () => Promise<URL> {
  let endpoint: URL | undefined
  const take = () => async (args: { readonly request: unknown }) => {
    const { protocol, hostname, port, path } = args.request as Readonly<Record<string, string | undefined>>
    endpoint = new URL(`${protocol}//${hostname}${port ? `:${port}` : ''}${path}`)
    return { response: undefined, output: { $metadata: {} } }
  }
  client.middlewareStack.add(take, { step: 'build', name: 'endpointFinder' })
  return async () => {
    await DynamoDBDocumentClient.from(client).send(new GetCommand({ TableName: 'not-sent', Key: {} }))
    if (!endpoint) throw new Error('The SDK has prepared no request')
    return endpoint
  }
}
