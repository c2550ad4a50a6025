/** HTTP routes in the stack of all functions: verifies the caller, chooses the language, and renders refusals. */
import { errorSpec, type Language } from '#shared/domain/values/errors.ts'
import { err } from '#shared/domain/values/result.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { Caller, VerifyToken } from '../access/tokens.ts'
import { languageOf } from '../language.ts'
import { stack } from '../stack.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { HttpEvent, type Reply, type Route } from './request.ts'
import { type HttpResponse, type Problem, problemResponse } from './responses.ts'

/** Dependencies of the stack. Without `verify` all routes are public; without `telemetry` no failure is reported. */
export type EndpointDeps = { readonly log: Log; readonly verify?: VerifyToken; readonly telemetry?: Telemetry }

/** Log message of every request that is refused or fails. */
const refusedMessage = 'Request refused'

/** Makes the handler of a function from its routes, by route key. */
export const endpoint = <Deps extends EndpointDeps>(
  routes: Readonly<Record<string, Route<Deps>>>,
  makeDeps: () => Deps,
) =>
  stack<typeof HttpEvent, Deps, HttpResponse>({
    component: 'http',
    failureMessage: refusedMessage,
    event: HttpEvent,
    begin: (event, deps) => ({
      fields: { correlationId: event.requestContext.requestId, route: event.routeKey },
      userAgent: event.headers['user-agent'],
      run: () => answer(event, routes, deps),
      failed: (failure) => problemResponse(failure, languageOf(event.headers['accept-language'])),
    }),
    malformed: (failure) => problemResponse(failure, languageOf()),
  })(makeDeps)

/** Verifies the caller, runs the route, and renders its reply. */
async function answer<Deps extends EndpointDeps>(
  event: HttpEvent,
  routes: Readonly<Record<string, Route<Deps>>>,
  deps: Deps,
): Promise<HttpResponse> {
  const caller = await callerOf(event, deps.verify)
  const language = languageOf(caller?.lang, event.headers['accept-language'])
  const route = Object.hasOwn(routes, event.routeKey) ? routes[event.routeKey] : undefined
  const request = { event, caller, language, correlationId: event.requestContext.requestId }
  const reply: Reply = route ? await route(request, deps) : err({ code: 'NOT_FOUND' })
  return reply.ok ? reply.value : refuse(reply.error, language, deps)
}

/** Returns the claims of the request's token; undefined when it is missing or invalid. */
async function callerOf(event: HttpEvent, verify: VerifyToken | undefined): Promise<Caller | undefined> {
  const token = /^Bearer +(\S+)$/i.exec(event.headers['authorization'] ?? '')?.[1]
  if (token === undefined || !verify) return undefined
  const verified = await verify(token)
  return verified.ok ? verified.value : undefined
}

/** Answers with a problem. Logs one line, at the level of the error code and without the client's input. */
function refuse(problem: Problem, language: Language, { log, telemetry }: EndpointDeps): HttpResponse {
  const { code, field, isCounted } = problem
  if (!isCounted) telemetry?.refused(code)
  log[errorSpec(code).level](refusedMessage, { code, ...(field && { field }) })
  return problemResponse(problem, language)
}
