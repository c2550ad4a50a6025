/** Stack around every HTTP route: verifies the caller, chooses the language, and answers failures. */
import middy from '@middy/core'
import * as v from 'valibot'
import { errorSpec, type Language } from '#shared/domain/values/errors.ts'
import { err } from '#shared/domain/values/result.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { Caller, VerifyToken } from '../access/tokens.ts'
import { failureOf } from '../failures.ts'
import { languageOf } from '../language.ts'
import { inRequest } from '../telemetry/request-context.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { HttpEvent, type Reply, type Route } from './request.ts'
import { type HttpResponse, type Problem, problemResponse } from './responses.ts'

/** Dependencies of the stack. Without `verify` all routes are public; without `telemetry` no failure is reported. */
export type EndpointDeps = { readonly log: Log; readonly verify?: VerifyToken; readonly telemetry?: Telemetry }

/** Time kept for our own answer before Lambda stops the function: API Gateway's 503 is not a problem document. */
const timeoutEarlyInMillis = 500

/**
 * Makes the handler of a function from its routes, by route key. `makeDeps` is called by requests only, not at the
 * start.
 */
export const endpoint = <Deps extends EndpointDeps>(
  routes: Readonly<Record<string, Route<Deps>>>,
  makeDeps: () => Deps,
) =>
  middy<unknown, HttpResponse>({ timeoutEarlyInMillis })
    .after(() => makeDeps().telemetry?.finish())
    .onError(async (request) => {
      const { event, error } = request
      const parsed = v.safeParse(HttpEvent, event)
      const deps = parsed.success ? inContext(makeDeps(), parsed.output) : makeDeps()
      const language = languageOf(parsed.success ? parsed.output.headers['accept-language'] : undefined)
      const failure = failureOf(error)
      const about = parsed.success ? fieldsOf(parsed.output) : {}
      if (failure.code === 'INTERNAL') deps.telemetry?.unexpected(error, { code: failure.code, ...about })
      request.response = refuse(failure, language, deps, error)
      await deps.telemetry?.finish()
    })
    .handler(async (rawEvent: unknown): Promise<HttpResponse> => {
      const event = v.parse(HttpEvent, rawEvent)
      return inRequest(fieldsOf(event), event.headers['user-agent'], () => answer(event, routes, makeDeps()))
    })

/** Verifies the caller, runs the route, and renders its reply. */
async function answer<Deps extends EndpointDeps>(
  event: HttpEvent,
  routes: Readonly<Record<string, Route<Deps>>>,
  baseDeps: Deps,
): Promise<HttpResponse> {
  const deps = inContext(baseDeps, event)
  const caller = await callerOf(event, deps.verify)
  const language = languageOf(caller?.lang, event.headers['accept-language'])
  const route = Object.hasOwn(routes, event.routeKey) ? routes[event.routeKey] : undefined
  const request = { event, caller, language, correlationId: event.requestContext.requestId }
  const reply: Reply = route ? await route(request, deps) : err({ code: 'NOT_FOUND' })
  return reply.ok ? reply.value : refuse(reply.error, language, deps)
}

/** Dependencies of one request, with its correlation id in all log lines (R37). */
const inContext = <Deps extends EndpointDeps>(deps: Deps, event: HttpEvent): Deps => ({
  ...deps,
  log: deps.log.child(fieldsOf(event)),
})

const fieldsOf = ({ routeKey, requestContext }: HttpEvent) => ({
  correlationId: requestContext.requestId,
  route: routeKey,
})

/** Returns the claims of the request's token; undefined when it is missing or invalid. */
async function callerOf(event: HttpEvent, verify: VerifyToken | undefined): Promise<Caller | undefined> {
  const token = /^Bearer +(\S+)$/i.exec(event.headers['authorization'] ?? '')?.[1]
  if (token === undefined || !verify) return undefined
  const verified = await verify(token)
  return verified.ok ? verified.value : undefined
}

/** Answers with a problem. Logs one line, at the level of the error code and without the client's input. */
function refuse(problem: Problem, language: Language, { log, telemetry }: EndpointDeps, error?: unknown): HttpResponse {
  const { code, field, isCounted } = problem
  if (!isCounted) telemetry?.refused(code)
  log[errorSpec(code).level]('Request refused', {
    code,
    ...(field && { field }),
    ...(error !== undefined && { error }),
  })
  return problemResponse(problem, language)
}
