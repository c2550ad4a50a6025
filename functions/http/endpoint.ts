/** The one stack around every HTTP route: who asks, in which language to answer, and what is said when it fails. */
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

/** What the stack needs. A function without `verify` has only routes that anyone may ask, one without `telemetry` decides nothing. */
export type EndpointDeps = { readonly log: Log; readonly verify?: VerifyToken; readonly telemetry?: Telemetry }

/** Answers before Lambda ends us: API Gateway's own 503 is no problem document. */
const timeoutEarlyInMillis = 500

/** Makes a function's handler from its routes by route key. `makeDeps` is called by the first request, not before. */
export const endpoint = <Deps extends EndpointDeps>(
  routes: Readonly<Record<string, Route<Deps>>>,
  makeDeps: () => Deps,
) =>
  middy<unknown, HttpResponse>({ timeoutEarlyInMillis })
    .after(() => makeDeps().telemetry?.finish())
    .onError(async (request) => {
      const { event, error } = request
      const known = v.safeParse(HttpEvent, event)
      const deps = known.success ? inContext(makeDeps(), known.output) : makeDeps()
      const language = languageOf(known.success ? known.output.headers['accept-language'] : undefined)
      const failure = failureOf(error)
      const about = known.success ? fieldsOf(known.output) : {}
      if (failure.code === 'INTERNAL') deps.telemetry?.unexpected(error, { code: failure.code, ...about })
      request.response = refuse(failure, language, deps, error)
      await deps.telemetry?.finish()
    })
    .handler(async (rawEvent: unknown): Promise<HttpResponse> => {
      const event = v.parse(HttpEvent, rawEvent)
      return inRequest(fieldsOf(event), event.headers['user-agent'], () => answer(event, routes, makeDeps()))
    })

/** Who asks, which route it is, and what it answers. */
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

/** The dependencies of one request: its log lines say which it is (R37). */
const inContext = <Deps extends EndpointDeps>(deps: Deps, event: HttpEvent): Deps => ({
  ...deps,
  log: deps.log.child(fieldsOf(event)),
})

const fieldsOf = ({ routeKey, requestContext }: HttpEvent) => ({
  correlationId: requestContext.requestId,
  route: routeKey,
})

/** Who sends the request; undefined when the token is missing or bad. */
async function callerOf(event: HttpEvent, verify: VerifyToken | undefined): Promise<Caller | undefined> {
  const token = /^Bearer +(\S+)$/i.exec(event.headers['authorization'] ?? '')?.[1]
  if (token === undefined || !verify) return undefined
  const verified = await verify(token)
  return verified.ok ? verified.value : undefined
}

/** Refuses, with one line in the log: as loud as its code, without what the client wrote. */
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
