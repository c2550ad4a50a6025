/** `/dev/…`: routes for developers. A deployed stage must not have them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import * as v from 'valibot'
import { FaultRequest, type Faults } from './faults.ts'
import { readBody } from './gateway/body.ts'
import type { HttpHandler } from './gateway/http-api.ts'
import type { SignToken } from './tokens.ts'

export type DevApi = {
  readonly signToken: SignToken
  readonly listHosts: () => Promise<readonly object[]>
  readonly faults: Faults
}

const TokenBody = v.strictObject({
  companyId: v.optional(
    v.pipe(v.string('must be a text'), v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -')),
  ),
  role: v.optional(v.picklist(['marketplace', 'admin'], 'must be marketplace or admin'), 'marketplace'),
  lang: v.optional(v.picklist(['ru', 'en'], 'must be ru or en')),
  expiresIn: v.optional(
    v.pipe(
      v.number('must be a number of seconds'),
      v.integer('must be whole seconds'),
      v.minValue(1),
      v.maxValue(604_800),
    ),
  ),
})

const maxBodyBytes = 4096

/** Returns the handler of the `/dev/…` routes. */
export function devApi(api: DevApi): HttpHandler {
  return async (request, response) => {
    const route = `${request.method} ${(request.url ?? '').split('?')[0]}`
    if (route === 'GET /dev/hosts') return sendJson(response, 200, await api.listHosts())
    if (route === 'POST /dev/tokens') return postToken(api, request, response)
    if (route === 'PUT /dev/faults') return putFault(api, request, response)
    sendJson(response, 404, { message: 'There are GET /dev/hosts, POST /dev/tokens and PUT /dev/faults' })
  }
}

async function postToken(api: DevApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readJson(TokenBody, request, response)
  if (body === undefined) return
  const { companyId, role } = body
  if (role === 'marketplace' && companyId === undefined) {
    return sendJson(response, 400, { field: 'companyId', message: 'a marketplace token names a company' })
  }
  sendJson(response, 200, { token: await api.signToken(body) })
}

async function putFault(api: DevApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readJson(FaultRequest, request, response)
  if (body === undefined) return
  api.faults.set(body.target, body.fault)
  sendJson(response, 200, body)
}

/** Parses a body. When it does not fit the schema, answers 400 with the wrong field and returns undefined. */
async function readJson<T>(
  schema: v.GenericSchema<unknown, T>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<T | undefined> {
  const text = String((await readBody(request, maxBodyBytes)) ?? '')
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(undefined, 'must be JSON'), schema), text)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  sendJson(response, 400, { field: v.getDotPath(issue) ?? 'body', message: issue.message })
  return undefined
}

/** Answers with JSON that ends in a newline, for terminals. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}
