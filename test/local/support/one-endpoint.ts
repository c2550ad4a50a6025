/**
 * DynamoDB, SQS, KMS and Secrets Manager on one port, as LocalStack and similar engines serve them: the embedded
 * engines behind a router.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import { account } from '../../../local/services/account.ts'
import { itemCalls } from '../../../local/services/item-calls.ts'
import { roleOf } from '../../../local/services/item-rights.ts'
import { close, listen } from '../../../local/services/listen.ts'
import { type Endpoints, startServices } from '../../../local/services/services.ts'

export type OneEndpoint = {
  readonly url: string
  /** Called operations, e.g. `SendMessage`, by the prefix of their target. */
  readonly called: ReadonlyMap<string, ReadonlySet<string>>
  /** Items of DynamoDB that were touched, each with the access key id of its caller. */
  readonly items: readonly TouchedItem[]
  stop(): Promise<void>
}

export type TouchedItem = {
  readonly role: string
  readonly action: string
  readonly table: string
  readonly partition: string
}

const serviceOf: Readonly<Record<string, keyof Endpoints>> = {
  DynamoDB_20120810: 'dynamodb',
  AmazonSQS: 'sqs',
  TrentService: 'kms',
  secretsmanager: 'secretsManager',
}

/**
 * Starts the endpoint. It refuses other services with 501, and with `otherAccount` every request that names the local
 * run's account.
 */
export async function startOneEndpoint(otherAccount = account): Promise<OneEndpoint> {
  const services = await startServices({ onUnknownCall: () => undefined })
  const called = new Map<string, Set<string>>()
  const items: TouchedItem[] = []
  const server = createServer((request, response) => {
    const [prefix = '', operation = ''] = String(request.headers['x-amz-target'] ?? '').split('.')
    const service = serviceOf[prefix]
    if (service === undefined) {
      response.writeHead(501).end()
      return
    }
    called.set(prefix, (called.get(prefix) ?? new Set()).add(operation))
    if (service === 'dynamodb') void noteItems(request, operation, items)
    if (otherAccount === account) return forward(services.endpoints[service], request, response)
    void forwardRenamed(services.endpoints[service], otherAccount, request, response)
  })
  const url = await listen(server)
  return {
    url,
    called,
    items,
    async stop() {
      await close(server)
      await services.stop()
    },
  }
}

/** Notes the items of a request. It only listens: the request is piped on as it comes. */
async function noteItems(request: IncomingMessage, operation: string, items: TouchedItem[]): Promise<void> {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(request, 'end').catch(() => undefined)
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
  for (const { action, table, partitions = [] } of itemCalls(operation, body))
    for (const partition of partitions) items.push({ role: roleOf(request), action, table, partition })
}

function forward(endpoint: string, request: IncomingMessage, response: ServerResponse): void {
  const onward = sendOn(endpoint, request, response, (answer) => answer.pipe(response))
  request.pipe(onward)
}

/**
 * Forwards a request with the engines' account replaced by another id of the same length. Refuses a request that names
 * the engines' own account.
 */
async function forwardRenamed(
  endpoint: string,
  otherAccount: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await textOf(request)
  if (body.includes(account)) {
    response
      .writeHead(400)
      .end(JSON.stringify({ __type: 'ValidationException', message: `No account ${account} here` }))
    return
  }
  const onward = sendOn(endpoint, request, response, async (answer) =>
    response.end((await textOf(answer)).replaceAll(account, otherAccount)),
  )
  onward.end(body.replaceAll(otherAccount, account))
}

function sendOn(
  endpoint: string,
  { method = 'POST', url = '/', headers }: IncomingMessage,
  response: ServerResponse,
  finish: (answer: IncomingMessage) => unknown,
) {
  const onward = send(new URL(url, endpoint), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    finish(answer)
  })
  onward.on('error', () => response.destroy())
  response.on('close', () => onward.destroy())
  return onward
}

const textOf = async (message: IncomingMessage) => Buffer.concat(await message.toArray()).toString()
