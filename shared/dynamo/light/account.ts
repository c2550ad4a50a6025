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

/**
 * Milliseconds for which credentials are waited for. The SDK has no limit, and all its later calls wait for the same fetch:
 * a container's endpoint that has accepted a connection and stays silent would end a host for good.
 */
const maxFetchMs = 10_000

export function findAccount(config: DynamoDBClientConfig): Account {
  let client = new DynamoDBClient(config)
  let place: Place | undefined
  /** Uses the client; one that takes too long is replaced for later calls, so that they begin anew. */
  const using = async <T>(use: (client: DynamoDBClient) => Promise<T>): Promise<T> => {
    const used = client
    const replace = () => {
      if (client === used) client = new DynamoDBClient(config)
    }
    const timer = setTimeout(replace, maxFetchMs)
    return await use(used).finally(() => clearTimeout(timer))
  }
  return {
    place: async () => (place ??= await using(findPlace)),
    credentials: (isFresh) => using(({ config }) => config.credentials(isFresh ? { forceRefresh: true } : undefined)),
  }
}

/** Lets the SDK prepare a call, which is not sent: variables, profiles, FIPS and endpoints of accounts count as always. */
async function findPlace(client: DynamoDBClient): Promise<Place> {
  let endpoint: URL | undefined
  const take = () => async (args: { readonly request: unknown }) => {
    const { protocol, hostname, port, path } = args.request as Readonly<Record<string, string | undefined>>
    endpoint = new URL(`${protocol}//${hostname}${port ? `:${port}` : ''}${path}`)
    return { response: undefined, output: { $metadata: {} } }
  }
  const command = new GetCommand({ TableName: 'not-sent', Key: {} })
  command.middlewareStack.add(take, { step: 'build' })
  await DynamoDBDocumentClient.from(client).send(command)
  if (!endpoint) throw new Error('The SDK has prepared no request')
  return { endpoint, sign: signer(await client.config.region()) }
}
