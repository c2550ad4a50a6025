/** HTTP routes for pairing without a WebSocket: request a code, then poll the attempt (requirements, "HTTP API"). */
import * as v from 'valibot'
import { once } from '#shared/async/once.ts'
import { err, ok } from '#shared/domain/values/result.ts'
import { TypedPhone } from '#shared/protocol/client-messages.ts'
import { attemptFields } from '#shared/protocol/server-messages.ts'
import type { RateLimit } from '../access/rate-limit.ts'
import type { VerifyToken } from '../access/tokens.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type PushDeps, pushNotices } from '../use-cases/push-notices.ts'
import { type StartPairingDeps, startPairing } from '../use-cases/start-pairing.ts'
import {
  budget,
  clock,
  commandQueue,
  companyStore,
  httpRateLimit,
  idempotencyStore,
  log,
  pairing,
  publisher,
  telemetry,
  verify,
} from '../wiring/deps.ts'
import { endpoint } from './endpoint.ts'
import { type IdempotencyDeps, idempotently } from './idempotency.ts'
import { type CompanyRequest, companyRoute, noInput, type Reply, type Route } from './request.ts'
import { json } from './responses.ts'
import { attemptBody } from './views.ts'

export type PairingDeps = StartPairingDeps &
  PushDeps &
  IdempotencyDeps & { readonly verify: VerifyToken; readonly rateLimit: RateLimit; readonly telemetry: Telemetry }

const CodeRequest = v.object({ phoneNumber: TypedPhone })

const postPairingCode = companyRoute(CodeRequest, (request, deps: PairingDeps) =>
  idempotently(request, deps, () => start(request, deps)),
)

async function start(request: CompanyRequest<v.InferOutput<typeof CodeRequest>>, deps: PairingDeps): Promise<Reply> {
  const { companyId, correlationId, language, input, audit } = request
  const result = await startPairing(
    {
      companyId,
      correlationId,
      language,
      method: 'code',
      typedPhone: input.phoneNumber,
      onDecided: audit.decided,
      notify: (decided) => pushNotices(companyId, decided, deps),
    },
    deps,
  )
  if (result.kind === 'failed') return err({ ...result.failure, isCounted: true })
  if (result.kind === 'refused') return err({ ...result.failure, ...fieldOf(result.failure.code) })
  return ok(json(202, { companyId, attempt: attemptFields(result.attempt, deps.clock()) }))
}

/** Names the field of the phone when the failure is about the phone. */
const fieldOf = (code: string) =>
  code === 'INVALID_PHONE_FORMAT' || code === 'INVALID_COUNTRY_CODE' ? { field: 'phoneNumber' } : {}

const getAttempt = companyRoute(
  noInput,
  async ({ companyId, caller, language }, { store, clock: now }: PairingDeps) => {
    const { state } = await store.read(companyId)
    return ok(json(200, { companyId, attempt: attemptBody(state, { role: caller.role, language, now: now() }) }))
  },
)

export const pairingRoutes: Readonly<Record<string, Route<PairingDeps>>> = {
  'POST /api/whatsapp/sessions/{companyId}/pairing-code': postPairingCode,
  'GET /api/whatsapp/sessions/{companyId}/attempt': getAttempt,
}

const deps = once(
  (): PairingDeps => ({
    log: log(),
    verify: verify(),
    rateLimit: httpRateLimit(),
    telemetry: telemetry(),
    store: companyStore(),
    queue: commandQueue(),
    publisher: publisher(),
    idempotency: idempotencyStore(),
    pairing: pairing(),
    budget: budget(),
    clock,
  }),
)

export const handler = endpoint(pairingRoutes, deps)
