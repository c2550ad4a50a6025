/** HTTP routes that show and delete a company's stored credentials (requirements, "HTTP API"). */
import { once } from '#shared/async/once.ts'
import { ok } from '#shared/domain/values/result.ts'
import type { RateLimit } from '../access/rate-limit.ts'
import type { VerifyToken } from '../access/tokens.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type PushDeps, pushNotices } from '../use-cases/push-notices.ts'
import { type ResetDeps, reset } from '../use-cases/reset.ts'
import { clock, commandQueue, companyStore, httpRateLimit, log, publisher, telemetry, verify } from '../wiring/deps.ts'
import { endpoint } from './endpoint.ts'
import { companyRoute, noInput, type Route } from './request.ts'
import { json } from './responses.ts'
import { phoneFor } from './views.ts'

export type CredentialsDeps = ResetDeps &
  PushDeps & { readonly verify: VerifyToken; readonly rateLimit: RateLimit; readonly telemetry: Telemetry }

const getStatus = companyRoute(noInput, async ({ companyId, caller }, { store }: CredentialsDeps) => {
  const { state } = await store.read(companyId)
  const { credentials, attempt } = state
  return ok(
    json(200, {
      hasCredentials: credentials !== undefined,
      storedPhone: phoneFor(caller.role, credentials?.phone),
      canReset: credentials !== undefined || attempt !== undefined,
    }),
  )
})

const deleteCredentials = companyRoute(noInput, async ({ companyId, correlationId, audit }, deps: CredentialsDeps) => {
  const decided = await reset({ companyId, correlationId, waiting: [], onDecided: audit.decided }, deps)
  await pushNotices(companyId, decided, deps)
  const { outcome } = decided
  const isPending = outcome.kind === 'awaited' || (outcome.kind === 'reset' && outcome.retired !== undefined)
  const unlinked = isPending ? 'pending' : 'not-linked'
  return ok(json(200, { success: true, message: 'Credentials deleted', unlinked }))
})

export const credentialsRoutes: Readonly<Record<string, Route<CredentialsDeps>>> = {
  'GET /api/whatsapp/sessions/{companyId}/credentials/status': getStatus,
  'DELETE /api/whatsapp/sessions/{companyId}/credentials': deleteCredentials,
}

const deps = once(
  (): CredentialsDeps => ({
    log: log(),
    verify: verify(),
    rateLimit: httpRateLimit(),
    telemetry: telemetry(),
    store: companyStore(),
    queue: commandQueue(),
    publisher: publisher(),
    clock,
  }),
)

export const handler = endpoint(credentialsRoutes, deps)
