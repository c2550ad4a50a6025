/**
 * HTTP routes in the stack of all functions: verifies and counts the caller, chooses the language, renders refusals, and
 * audits requests for a change.
 */
import * as v from 'valibot'
import { errorSpec } from '#shared/domain/values/errors.ts'
import { err } from '#shared/domain/values/result.ts'
import { CompanyId } from '#shared/protocol/company-id.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { callerName } from '../access/callers.ts'
import type { RateLimit } from '../access/rate-limit.ts'
import type { Caller, VerifyToken } from '../access/tokens.ts'
import { languageOf } from '../language.ts'
import { stack } from '../stack.ts'
import { type Audit, auditOf, namesOf, noAudit } from '../telemetry/audit.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { HttpEvent, type HttpRequest, type Reply, type Route } from './request.ts'
import { type HttpResponse, type Problem, problemResponse } from './responses.ts'

/** Public routes have neither `verify` nor `rateLimit`. Without `telemetry` no failure is reported. */
export type EndpointDeps = { readonly log: Log; readonly telemetry?: Telemetry } & (
  | { readonly verify: VerifyToken; readonly rateLimit: RateLimit }
  | { readonly verify?: never; readonly rateLimit?: never }
)

/** Log message of every request that is refused or fails. A refused request for a change has its audit line instead. */
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
    begin: (event, deps) => {
      const audit = auditFor(event, deps)
      return {
        fields: { correlationId: event.requestContext.requestId, route: event.routeKey },
        userAgent: event.headers['user-agent'],
        run: async () => {
          const response = await answer(event, routes, audit, deps)
          audit.write()
          return response
        },
        failed: (failure) => {
          audit.refused(failure.code)
          audit.write()
          return problemResponse(failure, languageOf(event.headers['accept-language']))
        },
      }
    },
    malformed: (failure) => problemResponse(failure, languageOf()),
  })(makeDeps)

function auditFor({ routeKey, pathParameters }: HttpEvent, { log }: EndpointDeps): Audit {
  if (!/^(POST|DELETE) /.test(routeKey)) return noAudit
  const company = v.safeParse(CompanyId, pathParameters['companyId'])
  return auditOf({ action: routeKey, ...(company.success && { companyId: company.output }) }, log)
}

/** Verifies and counts the caller, runs the route, and renders its reply. */
async function answer<Deps extends EndpointDeps>(
  event: HttpEvent,
  routes: Readonly<Record<string, Route<Deps>>>,
  audit: Audit,
  deps: Deps,
): Promise<HttpResponse> {
  const token = /^Bearer +(\S+)$/i.exec(event.headers['authorization'] ?? '')?.[1]
  const caller = await callerOf(token, deps.verify)
  if (caller) audit.askedBy(caller)
  const language = languageOf(caller?.lang, event.headers['accept-language'])
  const request = { event, caller, language, correlationId: event.requestContext.requestId, audit }
  const route = Object.hasOwn(routes, event.routeKey) ? routes[event.routeKey] : undefined
  const run = async (): Promise<Reply> => (route ? route(request, deps) : err({ code: 'NOT_FOUND' }))
  // A caller without a valid token is refused before any call of the store, so there is nothing to limit.
  const isTooMany = caller && token && (await deps.rateLimit?.count(callerName(caller, token))) === 'above'
  const reply: Reply = isTooMany ? err({ code: 'RATE_LIMITED', retryAfter: 1 }) : await run()
  return reply.ok ? reply.value : refuse(reply.error, request, deps)
}

/** Returns the claims of the token; undefined when it is missing or invalid. */
async function callerOf(token: string | undefined, verify: VerifyToken | undefined): Promise<Caller | undefined> {
  if (token === undefined || !verify) return undefined
  const verified = await verify(token)
  return verified.ok ? verified.value : undefined
}

/** Answers with a problem. Logs one line, at the level of the error code and without the client's input. */
function refuse(
  problem: Problem,
  { caller, language, audit }: HttpRequest,
  { log, telemetry }: EndpointDeps,
): HttpResponse {
  const { code, field, isCounted } = problem
  if (!isCounted) telemetry?.refused(code)
  audit.refused(code, field)
  const by = caller && namesOf(caller)
  if (!audit.isKept) log[errorSpec(code).level](refusedMessage, { code, ...(field && { field }), ...(by && { by }) })
  return problemResponse(problem, language)
}
