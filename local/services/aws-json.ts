/** Server of the AWS JSON 1.1 protocol: one POST per operation, which `X-Amz-Target` names. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import * as v from 'valibot'
import type { Engine } from './engine.ts'
import { close, listen } from './listen.ts'

/** An error in AWS's format. The SDK's clients turn `type` into the exception of that name. */
export class AwsError extends Error {
  readonly type: string

  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }
}

/** Handler of one operation: takes the request's JSON and returns the response's JSON. */
export type Operation = (input: unknown) => object
/** Handlers by target, e.g. `TrentService.Decrypt`. */
export type Operations = Readonly<Record<string, Operation>>

/** Declares an operation with a schema for its input. Invalid input gives a ValidationException that names the member. */
export function operation<S extends v.GenericSchema>(schema: S, run: (input: v.InferOutput<S>) => object): Operation {
  return (input) => {
    const parsed = v.safeParse(schema, input)
    if (parsed.success) return run(parsed.output)
    const issue = parsed.issues[0]
    throw new AwsError('ValidationException', `${v.getDotPath(issue) ?? 'request'}: ${issue.message}`)
  }
}

/**
 * Serves operations on one loopback port. Unknown operations are refused and reported: the port is also the endpoint of every
 * AWS service that the local run does not have, so that no call leaves the machine.
 */
export async function startAwsJson(operations: Operations, onUnknown: (operation: string) => void): Promise<Engine> {
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
  onUnknown: (operation: string) => void,
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

function unknownOperation(request: IncomingMessage, target: string, onUnknown: (operation: string) => void): AwsError {
  const name = target === '' ? `${request.method} ${request.url}` : target
  onUnknown(name)
  return new AwsError('UnknownOperationException', `The local run does not serve ${name}`)
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
