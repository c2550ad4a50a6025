/** External engines (LocalStack, MiniStack, Floci): reads their endpoints and checks that they answer. */
import type { Endpoints } from './services.ts'

/** The SDK's own variable for each service. */
const variables = {
  dynamodb: 'AWS_ENDPOINT_URL_DYNAMODB',
  sqs: 'AWS_ENDPOINT_URL_SQS',
  kms: 'AWS_ENDPOINT_URL_KMS',
  secretsManager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  other: 'AWS_ENDPOINT_URL',
} as const satisfies Record<keyof Endpoints, string>
const services = ['dynamodb', 'sqs', 'kms', 'secretsManager', 'other'] as const satisfies (keyof Endpoints)[]

const answerTimeoutMs = 5_000

/** Reads the endpoints from the environment; an empty variable counts as unset. Throws when one is not a URL. */
export function externalEndpoints(env: NodeJS.ProcessEnv): Partial<Endpoints> {
  return Object.fromEntries(
    services.flatMap((service) => {
      const variable = env[variables[service]] ? variables[service] : variables.other
      const value = env[variable]
      return value ? [[service, parseEndpoint(variable, value)]] : []
    }),
  )
}

function parseEndpoint(variable: string, value: string): string {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(`${variable} must be a URL such as http://127.0.0.1:4566, not "${value}"`)
  return value.replace(/\/+$/, '')
}

/**
 * Throws an error that says what to do when nothing listens at an endpoint. The SDK would retry for a long time and say
 * less.
 */
export async function checkEndpoints(endpoints: Partial<Endpoints>): Promise<void> {
  const urls = new Set(Object.values(endpoints))
  await Promise.all([...urls].map(checkEndpoint))
}

async function checkEndpoint(url: string): Promise<void> {
  try {
    // Any answer will do.
    await (await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(answerTimeoutMs) })).body?.cancel()
  } catch (cause) {
    throw new Error(
      `Nothing answers at ${url}, which AWS_ENDPOINT_URL names: start it first, or unset the variable for the embedded engines`,
      { cause },
    )
  }
}
