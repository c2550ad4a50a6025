/** Makes a host's real dependencies from its environment. */
import { ulid } from 'ulid'
import { sqsClient, sqsCommandQueue } from '#shared/aws/command-queue.ts'
import { connectionsApi } from '#shared/aws/connections-api.ts'
import { kmsClient, kmsDataKeys } from '#shared/aws/data-keys.ts'
import { cachedSecret, secretsClient } from '#shared/aws/secret.ts'
import { budgetLimits, codeBudget } from '#shared/budget/code-budget.ts'
import { refundUnused } from '#shared/budget/refunds.ts'
import type { SocketHostEnv } from '#shared/config/env.ts'
import { fuseWindows } from '#shared/config/fuse-windows.ts'
import { dynamoBudgetStore } from '#shared/dynamo/clients/budget-store.ts'
import { dynamoConnections } from '#shared/dynamo/clients/connection-store.ts'
import { dynamoPhoneLinks } from '#shared/dynamo/clients/phone-links.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { writtenRows } from '#shared/dynamo/company/written-rows.ts'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import { requestHandler } from '#shared/dynamo/document-client.ts'
import { dynamoFuse } from '#shared/dynamo/fleet/fuse-store.ts'
import { dynamoLeaseStore } from '#shared/dynamo/fleet/lease-store.ts'
import { dynamoMetricStore } from '#shared/dynamo/fleet/metric-store.ts'
import { lightClient } from '#shared/dynamo/light/light-client.ts'
import type { ControlTable } from '#shared/dynamo/shard-companies.ts'
import type { Fuse } from '#shared/ports.ts'
import { connectionPublisher } from '#shared/push/publisher.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { createMeter, type Meter } from '#shared/telemetry/metrics.ts'
import { observedCompanyStore } from '#shared/telemetry/observed-store.ts'
import { pacing } from './company/pacing.ts'
import { phoneNoteWriter } from './company/phone-notes.ts'
import { recovery } from './company/recovery.ts'
import { callLimits } from './fleet/call-limits.ts'
import type { HostDeps } from './fleet/host.ts'
import { heldOf, measuredClaims, measuredSweeps } from './fleet/host-metrics.ts'
import { loopLoad } from './fleet/loop-load.ts'
import { pollMs, sqsInbox } from './fleet/sqs-inbox.ts'
import { systemTime } from './time.ts'
import { createWhatsApp } from './whatsapp/baileys-whatsapp.ts'

/**
 * Time for which a host keeps asking whether a write without an answer succeeded. It outlasts an outage of ten seconds.
 */
const resolveTimeoutMs = 15_000

export function hostDeps(env: SocketHostEnv, hostId: string, log: Log): HostDeps & { readonly meter: Meter } {
  const time = systemTime
  const clock = time.now
  const limits = callLimits(env.LEASE_STALE_MS)
  const client = lightClient(limits)
  const control = { client, table: env.CONTROL_TABLE }
  const shards = env.SHARDS
  const meter = createMeter({ namespace: env.METRICS_NAMESPACE, store: dynamoMetricStore(control), clock, log })
  const { budget, notePhone } = budgetsOf(env, control)
  const credentials = measuredSweeps(dynamoCredentialStore({ client, table: env.CREDENTIALS_TABLE }), meter)
  const fuse = hostFuse(env, control, log, meter)
  const pollingClient = sqsClient({ requestHandler: requestHandler({ tryMs: pollMs }), maxAttempts: 1 })
  return {
    time,
    log,
    credentials,
    meter,
    companies: observedCompanyStore(
      dynamoCompanyStore({ ...control, shards, clock, written: writtenRows(time.monotonic), resolveTimeoutMs }),
      refundUnused({ giveBack: budget.giveBack, log }),
      meter.observe,
    ),
    // Connections of its own: a renewal must not wait behind the rows of sessions that are adopted.
    leases: measuredClaims(dynamoLeaseStore({ ...control, client: lightClient(limits), clock }), meter),
    dataKeys: kmsDataKeys(kmsClient(), env.CREDENTIALS_KEY_ARN),
    commands: sqsCommandQueue({
      client: sqsClient(),
      shardQueueUrls: env.SHARD_QUEUE_URLS,
      watchdogQueueUrl: env.WATCHDOG_QUEUE_URL,
      clock,
    }),
    inbox: sqsInbox(pollingClient, env.SHARD_QUEUE_URLS),
    publisher: connectionPublisher({
      connections: dynamoConnections({ ...control, clock }),
      api: connectionsApi({ callbackUrl: env.CALLBACK_URL, log }),
      clock,
      log,
    }),
    whatsApp: createWhatsApp({ store: credentials, clock, time, log: fieldsFirst(log) }),
    pacing: pacing({ time, load: loopLoad() }),
    ...{ budget, notePhone },
    recovery: recovery({ time, fuse, log }),
    fuse,
    onUnreadable: (ref) => meter.measure('credentialsUnreadable', 1, { ...ref }),
    newGeneration: () => ulid(),
    random: Math.random,
    settings: { phoneChangePolicy: env.PHONE_CHANGE_POLICY, codeLifetimeMs: env.CODE_LIFETIME_SECONDS * 1000 },
    host: {
      hostId,
      shards,
      version: env.BUILD_VERSION,
      renewMs: env.LEASE_RENEW_MS,
      staleMs: env.LEASE_STALE_MS,
      drainMs: env.DRAIN_SECONDS * 1000,
    },
  }
}

function hostFuse(env: SocketHostEnv, control: ControlTable, log: Log, meter: Meter): Fuse {
  const metrics = dynamoMetricStore(control)
  return dynamoFuse({
    ...control,
    clock: systemTime.now,
    windows: fuseWindows(env.FUSE_PER_FIVE_MINUTES, env.FUSE_PER_DAY),
    held: async () => (await metrics.hosts(env.SHARDS)).reduce((sum, { states }) => sum + heldOf(states), 0),
    onRefused: ({ companyId, ...why }) => {
      log.warn('A link that WhatsApp has ended is kept, because the fuse has no place', { companyId, ...why })
      meter.measure('fuseRefused', 1, { companyId })
    },
  })
}

/** Budgets of codes, and the notes of links that they read, under the same hashes of phones (R24). */
function budgetsOf(env: SocketHostEnv, control: ControlTable) {
  const secret = cachedSecret(secretsClient(), env.PHONE_HASH_SECRET_ARN, Date.now)
  const hashSecret = async () => (await secret.read()).current
  const links = dynamoPhoneLinks(control)
  const store = dynamoBudgetStore(control)
  return {
    budget: codeBudget({ store, links, clock: Date.now, hashSecret, ...budgetLimits(env) }),
    notePhone: phoneNoteWriter(links, hashSecret),
  }
}

/** Adapts the log to the WhatsApp adapter, which passes the fields first, as Baileys' loggers do. */
const fieldsFirst = (log: Log) => ({
  debug: (fields: object, message: string) => log.debug(message, { ...fields }),
  warn: (fields: object, message: string) => log.warn(message, { ...fields }),
  error: (fields: object, message: string) => log.error(message, { ...fields }),
})
