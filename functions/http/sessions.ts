/**
 * HTTP routes for the list of sessions (admins) and one company's session (its clients, too; requirements, "HTTP API").
 */
import * as v from 'valibot'
import { once } from '#shared/async/once.ts'
import { sessionStatuses } from '#shared/domain/company/company.ts'
import type { Language } from '#shared/domain/values/errors.ts'
import { ok } from '#shared/domain/values/result.ts'
import type { Clock, CompanyStore } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { RateLimit } from '../access/rate-limit.ts'
import type { VerifyToken } from '../access/tokens.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { clock, companyStore, httpRateLimit, log, shards, staleMs, telemetry, verify } from '../wiring/deps.ts'
import { endpoint } from './endpoint.ts'
import { adminRoute, badRequest, companyRoute, noInput, type Route } from './request.ts'
import { json } from './responses.ts'
import { encodeCursor, parseCursor, sessionPage } from './session-pages.ts'
import { type SessionViewer, sessionBody } from './views.ts'

export type SessionsDeps = {
  readonly log: Log
  readonly verify: VerifyToken
  readonly rateLimit: RateLimit
  readonly telemetry: Telemetry
  readonly store: CompanyStore
  readonly shards: number
  readonly staleMs: number
  readonly clock: Clock
}

const statuses = ['none', ...sessionStatuses] as const
const limitMessage = 'limit must be a number from 1 to 100'

const PageQuery = v.object({
  limit: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,3}$/, limitMessage),
      v.transform(Number),
      v.minValue(1, limitMessage),
      v.maxValue(100, limitMessage),
    ),
    '50',
  ),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(1024, 'cursor must be one that a page has named'))),
  state: v.optional(v.picklist(statuses, `state must be one of ${statuses.join(', ')}`)),
})

const listSessions = adminRoute(PageQuery, async ({ input, language }, deps: SessionsDeps) => {
  const { store, shards: count } = deps
  const from = input.cursor === undefined ? ok({ shard: 0 }) : parseCursor(input.cursor, count)
  if (!from.ok) return badRequest('cursor', 'cursor must be one that a page has named')
  const viewer = viewerOf('admin', language, deps)
  const page = await sessionPage({ limit: input.limit, from: from.value, status: input.state }, count, store, viewer)
  return ok(json(200, { sessions: page.sessions, cursor: page.next ? encodeCursor(page.next) : null }))
})

const getSession = companyRoute(noInput, async ({ companyId, caller, language }, deps: SessionsDeps) => {
  const [{ state }, lease] = await Promise.all([deps.store.read(companyId), deps.store.leaseOf(companyId)])
  return ok(json(200, sessionBody(companyId, state, lease, viewerOf(caller.role, language, deps))))
})

const viewerOf = (role: SessionViewer['role'], language: Language, deps: SessionsDeps): SessionViewer => ({
  role,
  language,
  now: deps.clock(),
  staleMs: deps.staleMs,
})

export const sessionsRoutes: Readonly<Record<string, Route<SessionsDeps>>> = {
  'GET /api/whatsapp/sessions': listSessions,
  'GET /api/whatsapp/sessions/{companyId}': getSession,
}

const deps = once(
  (): SessionsDeps => ({
    log: log(),
    verify: verify(),
    rateLimit: httpRateLimit(),
    telemetry: telemetry(),
    store: companyStore(),
    shards: shards(),
    staleMs: staleMs(),
    clock,
  }),
)

export const handler = endpoint(sessionsRoutes, deps)
