/** DynamoDB, SQS, KMS and Secrets Manager on one port, as LocalStack and its kind serve them: the embedded engines, behind a router. */
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import { close, listen } from '../../../local/services/listen.ts'
import { type Endpoints, startServices } from '../../../local/services/services.ts'

export type OneEndpoint = {
  readonly url: string
  /** Operations that were called, e.g. `SendMessage`, by the prefix of their target. */
  readonly called: ReadonlyMap<string, ReadonlySet<string>>
  stop(): Promise<void>
}

const serviceOf: Readonly<Record<string, keyof Endpoints>> = {
  DynamoDB_20120810: 'dynamodb',
  AmazonSQS: 'sqs',
  TrentService: 'kms',
  secretsmanager: 'secretsManager',
}

/** Starts it; what it does not serve is refused with 501. */
export async function startOneEndpoint(): Promise<OneEndpoint> {
  const services = await startServices({ onUnknownCall: () => undefined })
  const called = new Map<string, Set<string>>()
  const server = createServer((request, response) => {
    const [prefix = '', operation = ''] = String(request.headers['x-amz-target'] ?? '').split('.')
    const service = serviceOf[prefix]
    if (service === undefined) {
      response.writeHead(501).end()
      return
    }
    called.set(prefix, (called.get(prefix) ?? new Set()).add(operation))
    forward(services.endpoints[service], request, response)
  })
  const url = await listen(server)
  return {
    url,
    called,
    async stop() {
      await close(server)
      await services.stop()
    },
  }
}

function forward(endpoint: string, request: IncomingMessage, response: ServerResponse): void {
  const { method = 'POST', url = '/', headers } = request
  const onward = send(new URL(url, endpoint), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  onward.on('error', () => response.destroy())
  response.on('close', () => onward.destroy())
  request.pipe(onward)
}
