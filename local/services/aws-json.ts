/** The AWS JSON 1.1 protocol, server side: one POST per operation, named by `X-Amz-Target`. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import * as v from 'valibot'
import type { Engine } from './engine.ts'
import { close, listen } from './listen.ts'

/** A refusal in AWS's shape; the SDK's clients turn `type` into the exception of that name. */
export class AwsError extends Error {
  readonly type: string

  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }
}

/** What answers one operation: the request's JSON in, the response's JSON out. */
export type Operation = (input: unknown) => object
/** Operations by target, e.g. `TrentService.Decrypt`. */
export type Operations = Readonly<Record<string, Operation>>

/** Declares an operation whose input is parsed first; a misfit is a ValidationException naming the member. */
export function operation<S extends v.GenericSchema>(schema: S, run: (input: v.InferOutput<S>) => object): Operation {
  return (input) => {
    const parsed = v.safeParse(schema, input)
    if (parsed.success) return run(parsed.output)
    const issue = parsed.issues[0]
    throw new AwsError('ValidationException', `${v.getDotPath(issue) ?? 'request'}: ${issue.message}`)
  }
}

/**
 * Serves operations on one loopback port. Whatever it does not know is refused and reported: the same port is the endpoint of
 * every AWS service that nobody serves, so that no call ever leaves the machine.
 */
export async function startAwsJson(operations: Operations, onUnknown: (what: string) => void): Promise<Engine> {
  const server = createServer((request, response) => {
    respond(operations, onUnknown, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)))
    })
  })
  const url = await listen(server)
  return { url, server, stop: () => close(server) }
}

async function respond(
  operations: Operations,
  onUnknown: (what: string) => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = String(request.headers['x-amz-target'] ?? '')
  const body = await readBody(request)
  try {
    const run = operations[target]
    if (run === undefined) throw unknownOperation(request, target, onUnknown)
    send(response, 200, run(body === '' ? {} : JSON.parse(body)))
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    response.setHeader('x-amzn-ErrorType', error.type)
    send(response, 400, { __type: error.type, message: error.message })
  }
}

function unknownOperation(request: IncomingMessage, target: string, onUnknown: (what: string) => void): AwsError {
  const what = target === '' ? `${request.method} ${request.url}` : target
  onUnknown(what)
  return new AwsError('UnknownOperationException', `The local run does not serve ${what}`)
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-RequestId': randomUUID() })
  response.end(JSON.stringify(body))
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
