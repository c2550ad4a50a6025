/** Engines of somebody else (LocalStack, MiniStack, Floci): where they are, and whether they are there at all. */
import type { Endpoints } from './services.ts'

/** A service of ours, and the SDK's own variable for it. */
const variables = {
  dynamodb: 'AWS_ENDPOINT_URL_DYNAMODB',
  sqs: 'AWS_ENDPOINT_URL_SQS',
  kms: 'AWS_ENDPOINT_URL_KMS',
  secretsManager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  other: 'AWS_ENDPOINT_URL',
} as const satisfies Record<keyof Endpoints, string>
const services = ['dynamodb', 'sqs', 'kms', 'secretsManager', 'other'] as const satisfies (keyof Endpoints)[]

const answerWithinMs = 5_000

/** Reads the endpoints that the environment names; a variable that is empty names none. Throws when one is no URL. */
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

/** Throws an error that says what to do when nothing listens at an endpoint: the SDK would try for long and say less. */
export async function checkEndpoints(endpoints: Partial<Endpoints>): Promise<void> {
  const urls = new Set(Object.values(endpoints))
  await Promise.all([...urls].map(checkEndpoint))
}

async function checkEndpoint(url: string): Promise<void> {
  try {
    // Whatever it answers, it is there.
    await (await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(answerWithinMs) })).body?.cancel()
  } catch (cause) {
    throw new Error(
      `Nothing answers at ${url}, which AWS_ENDPOINT_URL names: start it first, or unset the variable for the embedded engines`,
      { cause },
    )
  }
}
