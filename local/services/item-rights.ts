/** Rights of roles on items of DynamoDB, and a check of them in front of the engine, as IAM does it on AWS. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { type ItemCall, itemCalls } from './item-calls.ts'

/** A statement that allows actions on tables, for items with some partition keys or for all. `*` stands for any text. */
export type ItemRight = {
  /** E.g. `dynamodb:GetItem`. */
  readonly actions: readonly string[]
  /** ARNs of tables. */
  readonly resources: readonly string[]
  readonly leadingKeys?: readonly string[] | undefined
}

/** A role. Its name is the access key id with which its function or host signs requests. */
export type Role = { readonly name: string; readonly rights: readonly ItemRight[] }

type Allows = (call: ItemCall) => boolean

/** Returns a function that says whether the rights allow a call. */
export function allowedBy(rights: readonly ItemRight[]): Allows {
  const statements = rights.map(({ actions, resources, leadingKeys }) => ({
    action: anyOf(actions),
    table: anyOf(resources.map((arn) => arn.slice(arn.indexOf(':table/') + ':table/'.length))),
    partition: leadingKeys && anyOf(leadingKeys),
  }))
  return ({ action, table, partitions = [] }) =>
    statements.some(
      (each) =>
        each.action.test(`dynamodb:${action}`) &&
        each.table.test(table) &&
        (each.partition === undefined || partitions.every((partition) => each.partition?.test(partition))),
    )
}

const anyOf = (patterns: readonly string[]) => new RegExp(`^(?:${patterns.map(toExpression).join('|')})$`, 's')
const toExpression = (pattern: string) => pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')

export type ItemGuard = {
  /** Checks the roles from now on. Calls with other credentials pass: those of the local run itself, for example. */
  enforce(roles: readonly Role[]): void
}

/** Checks every request of a server before its own listeners get it; refusals are also reported. */
export function guardItems(server: Server, onRefused: (text: string) => void): ItemGuard {
  const roles = new Map<string, Allows>()
  const listeners = server.listeners('request').filter(isRequestListener)
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const pass = (whole: IncomingMessage) => {
      for (const listener of listeners) listener.call(server, whole, response)
    }
    const role = roleOf(request)
    const allows = roles.get(role)
    if (allows === undefined) return pass(request)
    void bodyOf(request).then((body) => {
      if (body === undefined) return
      const refusal = refusalOf(request, body, allows)
      if (refusal === undefined) return pass(withBody(request, body))
      onRefused(`${role} may not ${refusal}: its role in the template does not allow it`)
      refuse(response, `${role} is not authorized to perform: dynamodb:${refusal}`)
    })
  })
  return {
    enforce(all) {
      for (const { name, rights } of all) roles.set(name, allowedBy(rights))
    },
  }
}

function isRequestListener(listener: unknown): listener is RequestListener {
  return typeof listener === 'function'
}

/** Returns the access key id of a signed request. */
export function roleOf({ headers }: IncomingMessage): string {
  return /Credential=([^/,]+)\//.exec(headers.authorization ?? '')?.[1] ?? ''
}

/** Returns the refused call: action, table and partitions; undefined when all is allowed. */
function refusalOf({ headers }: IncomingMessage, body: Buffer, allows: Allows): string | undefined {
  const operation = String(headers['x-amz-target'] ?? '').replace(/^.*\./, '')
  try {
    const refused = itemCalls(operation, JSON.parse(body.toString())).find((call) => !allows(call))
    return refused && `${refused.action} ${refused.partitions?.join(', ') ?? ''} in ${refused.table}`
  } catch {
    return `${operation} in a form that the local run does not understand`
  }
}

/** Reads the body; undefined when the client has gone away. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  try {
    return Buffer.concat(await request.toArray())
  } catch {
    return undefined
  }
}

/** Returns the request as a stream whose body has not been read yet. */
function withBody(request: IncomingMessage, body: Buffer): IncomingMessage {
  const { method, url, headers } = request
  const replayed: unknown = Object.assign(Readable.from([body]), { method, url, headers })
  return replayed as IncomingMessage
}

function refuse(response: ServerResponse, message: string): void {
  const type = 'com.amazon.coral.service#AccessDeniedException'
  const body = JSON.stringify({ __type: type, Message: message })
  response.writeHead(400, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-errortype': type,
    'x-amz-crc32': crc32(body),
  })
  response.end(body)
}
