/**
 * Dependencies of the functions, built once per container, at first use. `@__PURE__` lets the bundler drop those that a
 * function does not use, with everything they import.
 */
import { once } from '#shared/async/once.ts'
import { sqsClient, sqsCommandQueue } from '#shared/aws/command-queue.ts'
import { connectionsApi as managementApi } from '#shared/aws/connections-api.ts'
import { cachedSecret, secretsClient } from '#shared/aws/secret.ts'
import { budgetLimits, codeBudget } from '#shared/budget/code-budget.ts'
import { refundUnused } from '#shared/budget/refunds.ts'
import type { BudgetTicket } from '#shared/domain/values/budget.ts'
import { dynamoBudgetStore } from '#shared/dynamo/clients/budget-store.ts'
import { dynamoIdempotencyStore } from '#shared/dynamo/clients/idempotency-store.ts'
import { dynamoPhoneLinks } from '#shared/dynamo/clients/phone-links.ts'
import { dynamoRequestCounter } from '#shared/dynamo/clients/request-counter.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { fuseAdministration } from '#shared/dynamo/fleet/fuse-store.ts'
import { dynamoMetricStore } from '#shared/dynamo/fleet/metric-store.ts'
import { connectionPublisher } from '#shared/push/publisher.ts'
import { createMeter } from '#shared/telemetry/metrics.ts'
import { observedCompanyStore } from '#shared/telemetry/observed-store.ts'
import { type SentrySettings, sentrySettings } from '#shared/telemetry/sentry-settings.ts'
import { connectionFloodSeconds, rateLimit } from '../access/rate-limit.ts'
import { tokenSettings, tokenVerifier } from '../access/tokens.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { StartPairingDeps } from '../use-cases/start-pairing.ts'
import { clock, connectionStore, controlTable, env, log } from './connection-deps.ts'

export { clock, log }

export const shards = (): number => env().SHARDS

/** Milliseconds without renewal after which a lease counts as stale, for readers as for hosts (R27). */
export const staleMs = (): number => env().LEASE_STALE_MS

const budgetStore = /* @__PURE__ */ once(() => dynamoBudgetStore(controlTable()))

/** Company store that also counts decisions, reports phone changes, and gives unused codes back. */
export const companyStore = /* @__PURE__ */ once(() => {
  const store = dynamoCompanyStore({ ...controlTable(), shards: shards(), clock })
  const refunds = { giveBack: (ticket: BudgetTicket) => budgetStore().giveBack(ticket), log: log() }
  return observedCompanyStore(store, refundUnused(refunds), telemetry().observe)
})

const requestCounter = /* @__PURE__ */ once(() => dynamoRequestCounter(controlTable()))

/** Limit of the messages of each connection. */
export const messageRateLimit = /* @__PURE__ */ once(() =>
  rateLimit({
    counter: requestCounter(),
    perSecond: env().MESSAGES_PER_SECOND,
    floodSeconds: connectionFloodSeconds,
    clock,
    log: log(),
  }),
)

/** Limit of the HTTP requests of each company and each administrator. */
export const httpRateLimit = /* @__PURE__ */ once(() =>
  rateLimit({ counter: requestCounter(), perSecond: env().HTTP_REQUESTS_PER_SECOND, clock, log: log() }),
)

export const idempotencyStore = /* @__PURE__ */ once(() => dynamoIdempotencyStore(controlTable()))

export const metricStore = /* @__PURE__ */ once(() => dynamoMetricStore(controlTable()))

export const commandQueue = /* @__PURE__ */ once(() =>
  sqsCommandQueue({
    client: sqsClient(),
    shardQueueUrls: env().SHARD_QUEUE_URLS,
    watchdogQueueUrl: env().WATCHDOG_QUEUE_URL,
    clock,
  }),
)

export const connectionsApi = /* @__PURE__ */ once(() => managementApi({ callbackUrl: env().CALLBACK_URL, log: log() }))

export const publisher = /* @__PURE__ */ once(() =>
  connectionPublisher({ connections: connectionStore(), api: connectionsApi(), clock, log: log() }),
)

export const fuse = /* @__PURE__ */ once(() => fuseAdministration({ ...controlTable(), clock }))

export const verify = /* @__PURE__ */ once(() => tokenVerifier(tokenSettings(env(), log().warn)))

const phoneHash = /* @__PURE__ */ once(() => cachedSecret(secretsClient(), env().PHONE_HASH_SECRET_ARN, clock))
const phoneHashSecret = async () => (await phoneHash().read()).current

export const telemetry = /* @__PURE__ */ once(() => {
  const settings = sentrySettings(env())
  const loadReporter = async (known: SentrySettings) => {
    const { sentryReporter } = await import('../telemetry/sentry.ts')
    return sentryReporter(known, phoneHashSecret)
  }
  return createTelemetry({
    meter: createMeter({ namespace: env().METRICS_NAMESPACE, store: metricStore(), clock, log: log() }),
    loadReporter: settings && once(() => loadReporter(settings)),
    log: log(),
  })
})

export const budget = /* @__PURE__ */ once(() =>
  codeBudget({
    store: budgetStore(),
    links: dynamoPhoneLinks(controlTable()),
    clock,
    hashSecret: phoneHashSecret,
    ...budgetLimits(env()),
  }),
)

export const pairing = /* @__PURE__ */ once((): StartPairingDeps['pairing'] => ({
  defaultRegion: env().DEFAULT_REGION,
  codeDeadlineMs: env().CODE_DEADLINE_SECONDS * 1000,
}))
