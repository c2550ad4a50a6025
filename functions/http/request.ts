/** Requests of the HTTP API: schema of the event, access rules, and parsing of the input. */
import * as v from 'valibot'
import type { Language } from '#shared/domain/values/errors.ts'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import { CompanyId, firstIssue, maxMessageLength } from '#shared/protocol/client-messages.ts'
import type { Caller } from '../access/tokens.ts'
import type { Audit } from '../telemetry/audit.ts'
import type { HttpResponse, Problem } from './responses.ts'

/**
 * Strings by name, without nulls. Function URLs and emulators of AWS send null for a missing value; a null would make
 * each request a 500, or be read as the word "null".
 */
const texts = v.pipe(v.nullish(v.record(v.string(), v.nullish(v.string())), {}), v.transform(withoutNull))

/** Event of payload format 2.0, as far as we read it. Header names are in lower case. */
export const HttpEvent = v.object({
  routeKey: v.string(),
  headers: texts,
  pathParameters: texts,
  queryStringParameters: texts,
  body: v.nullish(v.string(), ''),
  isBase64Encoded: v.nullish(v.boolean(), false),
  requestContext: v.object({ requestId: v.string(), http: v.object({ method: v.string() }) }),
})
export type HttpEvent = v.InferOutput<typeof HttpEvent>

/** Request after the check of its token. `caller` is undefined without a valid token. */
export type HttpRequest = {
  readonly event: HttpEvent
  readonly caller: Caller | undefined
  readonly language: Language
  readonly correlationId: string
  /** Audit of a POST or DELETE; a route notes in it what it has changed. */
  readonly audit: Audit
}

export type Reply = Result<HttpResponse, Problem>

/** Handler of a route. `Deps` are its dependencies. */
export type Route<Deps> = (request: HttpRequest, deps: Deps) => Promise<Reply>

export type AdminRequest<Input> = HttpRequest & { readonly input: Input }
export type CompanyRequest<Input> = AdminRequest<Input> & { readonly companyId: string; readonly caller: Caller }

/** Makes a route for admins. Its input is the query, or the JSON body of a POST. */
export const adminRoute =
  <Schema extends v.GenericSchema, Deps>(
    schema: Schema,
    run: (request: AdminRequest<v.InferOutput<Schema>>, deps: Deps) => Promise<Reply>,
  ): Route<Deps> =>
  async (request, deps) => {
    if (!request.caller) return err({ code: 'UNAUTHORIZED' })
    if (request.caller.role !== 'admin') return err({ code: 'FORBIDDEN' })
    const input = inputOf(schema, request.event)
    return input.ok ? run({ ...request, input: input.value }, deps) : input
  }

/** Makes a route for admins and for clients of the company in the path (R31). */
export const companyRoute =
  <Schema extends v.GenericSchema, Deps>(
    schema: Schema,
    run: (request: CompanyRequest<v.InferOutput<Schema>>, deps: Deps) => Promise<Reply>,
  ): Route<Deps> =>
  async (request, deps) => {
    const { caller, event } = request
    if (!caller) return err({ code: 'UNAUTHORIZED' })
    const company = v.safeParse(CompanyId, event.pathParameters['companyId'])
    if (!company.success) return badRequest('companyId', company.issues[0].message)
    const companyId = company.output
    if (caller.role !== 'admin' && caller.companyId !== companyId) return err({ code: 'FORBIDDEN' })
    const input = inputOf(schema, event)
    return input.ok ? run({ ...request, caller, companyId, input: input.value }, deps) : input
  }

/** Schema of routes without input. It ignores whatever is sent. */
export const noInput = v.object({})

export const badRequest = (field: string, detail: string): Result<never, Problem> =>
  err({ code: 'BAD_REQUEST', detail, field })

function withoutNull(
  given: Readonly<Record<string, string | null | undefined>>,
): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(given).flatMap(([name, text]) => (text == null ? [] : [[name, text]])))
}

function inputOf<Schema extends v.GenericSchema>(
  schema: Schema,
  event: HttpEvent,
): Result<v.InferOutput<Schema>, Problem> {
  const raw = event.requestContext.http.method === 'POST' ? parseBody(event) : ok(event.queryStringParameters)
  if (!raw.ok) return raw
  const parsed = v.safeParse(schema, raw.value)
  if (parsed.success) return ok(parsed.output)
  const { field, detail } = firstIssue(parsed.issues)
  return field === 'message' ? notAnObject : badRequest(field, detail)
}

const notAnObject = badRequest('body', 'body must be a JSON object')

function parseBody(event: HttpEvent): Result<unknown, Problem> {
  const bytes = Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8')
  if (bytes.length > maxMessageLength) return badRequest('body', `body must have at most ${maxMessageLength} bytes`)
  try {
    return ok(JSON.parse(bytes.toString('utf8')))
  } catch (error) {
    if (error instanceof SyntaxError) return notAnObject
    throw error
  }
}
