/**
 * Many linked companies without pairing them: their credentials are written as a link would leave them, through the product's
 * own stores. The hosts find them after a restart; from then on everything is real, and Baileys logs in over real sockets.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { ulid } from 'ulid'
import * as v from 'valibot'
import { inParallel } from '#shared/async/in-parallel.ts'
import { sqsCommandQueue } from '#shared/aws/command-queue.ts'
import { kmsDataKeys } from '#shared/aws/data-keys.ts'
import { shardQueueUrls } from '#shared/config/env.ts'
import { dynamoCompanyStore } from '#shared/dynamo/company/company-store.ts'
import { dynamoCredentialStore } from '#shared/dynamo/credentials/credential-store.ts'
import { documentClient } from '#shared/dynamo/document-client.ts'
import type { CompanyStore, CredentialStore, DataKeys } from '#shared/ports.ts'
import type { LocalRun } from '../../local/local-run.ts'
import { credentials as awsCredentials, region } from '../../local/services/account.ts'
import { freshAuthState } from '../../socket-host/whatsapp/credentials/auth-state.ts'
import { linkedCompanion } from './linked-companion.ts'
import type { Stage } from './stage.ts'

/** A company, and the number of the phone that it is linked to. */
export type Linked = { readonly companyId: string; readonly phone: string }

/** Epoch of the pretended host that has linked the companies. Every real epoch is higher. */
const epoch = 1
const concurrency = 8
const pollMs = 100
const slowPollMs = 250
const silent = { debug: () => undefined, warn: () => undefined, error: () => undefined }

type Stores = { readonly companies: CompanyStore; readonly credentials: CredentialStore; readonly dataKeys: DataKeys }

/**
 * Links the companies in the tables and in the simulated WhatsApp. No host knows of it until it reads its companies
 * again. `simulatorUrl` is the address of the control routes, with `/simulator`.
 */
export async function seedLinked(
  run: LocalRun,
  companies: readonly Linked[],
  simulatorUrl = `${run.url}/simulator`,
): Promise<void> {
  const environment = run.cloud.containers[0]?.environment ?? {}
  const client = documentClient({}, { endpoint: run.endpoints.dynamodb, region, credentials: awsCredentials })
  const shards = Number(environment['SHARDS'])
  const stores: Stores = {
    companies: dynamoCompanyStore({ client, table: environment['CONTROL_TABLE'] ?? '', shards, clock: Date.now }),
    credentials: dynamoCredentialStore({ client, table: environment['CREDENTIALS_TABLE'] ?? '' }),
    dataKeys: kmsDataKeys(run.clients.kms, environment['CREDENTIALS_KEY_ARN'] ?? ''),
  }
  try {
    await inParallel(companies, concurrency, (company) => seedOne(stores, simulatorUrl, company))
  } finally {
    client.destroy()
  }
}

async function seedOne(
  { companies, credentials, dataKeys }: Stores,
  simulatorUrl: string,
  { companyId, phone }: Linked,
): Promise<void> {
  const generation = ulid()
  const { creds, keys } = await linkedCompanion(simulatorUrl, phone)
  const state = freshAuthState({ store: credentials, log: silent })
  Object.assign(state.creds, creds)
  await state.attach(() => undefined).state.keys.set(keys)
  const { key, wrappedKey } = await dataKeys.create({ companyId, generation })
  await state.persist({ companyId, generation, dataKey: key, epoch, isOwner: () => true })
  await companies.decide(companyId, (before, now) => ({
    state: {
      ...before,
      epoch,
      credentials: { generation, wrappedKey, phone, linkedAt: now },
      session: { status: 'reconnecting' as const, since: now, epoch },
    },
    notices: [],
    outcome: 'linked',
  }))
}

/** Makes the hosts look at the companies at once, by commands like those of functions. */
export async function nudgeHosts(run: LocalRun, companies: readonly Linked[]): Promise<void> {
  const environment = run.cloud.containers[0]?.environment ?? {}
  const queue = sqsCommandQueue({
    client: run.clients.sqs,
    shardQueueUrls: shardQueueUrls({
      SHARD_0_QUEUE_URL: environment['SHARD_0_QUEUE_URL'] ?? '',
      SHARDS: Number(environment['SHARDS']),
    }),
    watchdogQueueUrl: environment['WATCHDOG_QUEUE_URL'] ?? '',
    clock: Date.now,
  })
  await inParallel(companies, concurrency, ({ companyId }) =>
    queue.sendCommand({ companyId, correlationId: companyId, fence: 0 }),
  )
}

/** Ends every host of the run; resolves when their replacements own all shards. */
export async function restartHosts(run: LocalRun, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const before = await run.hosts()
  const shards = before.reduce((sum, host) => sum + host.shards.length, 0)
  for (const { pid } of before) if (pid !== undefined) process.kill(pid, signal)
  const isReplaced = async () => {
    const now = (await run.hosts()).filter(({ hostId }) => before.every((old) => old.hostId !== hostId))
    return now.length === before.length && now.reduce((sum, host) => sum + host.shards.length, 0) === shards
  }
  while (!(await isReplaced())) await pause(slowPollMs)
}

/** The state of the simulated WhatsApp. */
export type WhatsAppView = {
  readonly connections: {
    readonly total: number
    readonly open: number
    readonly unanswered: number
    readonly registering: number
  }
  /** Online devices, once per open connection. */
  readonly online: readonly string[]
  /** Maximum time for which any online device has sent nothing, in ms. */
  readonly longestSilenceMs: number
  readonly phones: readonly { readonly phone: string; readonly devices: readonly { readonly logins: number }[] }[]
  readonly violations: {
    readonly total: number
    readonly counts: Readonly<Record<string, number>>
    readonly latest: readonly { readonly kind: string; readonly phone?: string; readonly at: string }[]
  }
}

/**
 * Reads the state from the simulator in this process if there is one: tests poll often, and HTTP requests would cost
 * more CPU than the sessions.
 */
export const whatsAppView = async ({ url, simulator }: Watched): Promise<WhatsAppView> =>
  (simulator
    ? (await simulator.control('GET', '/simulator/state')).body
    : await (await fetch(`${url}/simulator/state`)).json()) as WhatsAppView

/** A run with a simulated WhatsApp. */
export type Watched = Pick<LocalRun, 'url'> & Partial<Pick<LocalRun, 'simulator'>>

/** Returns those of the phones that have no device online. */
export async function offline(run: Watched, phones: readonly string[]): Promise<readonly string[]> {
  const online = new Set((await whatsAppView(run)).online.map((jid) => jid.split(':')[0]))
  return phones.filter((phone) => !online.has(phone))
}

/** Returns the number of logins of the first device of each phone. */
export async function loginsOf(run: Watched, phones: readonly string[]): Promise<readonly number[]> {
  const known = new Map((await whatsAppView(run)).phones.map(({ phone, devices }) => [phone, devices[0]?.logins]))
  return phones.map((phone) => known.get(phone) ?? 0)
}

/** Returns the companies that the HTTP API shows to operators as connected. */
async function connectedCompanies(stage: Stage): Promise<ReadonlySet<string>> {
  const found: string[] = []
  let cursor = ''
  do {
    const path = `/api/whatsapp/sessions?limit=100&state=connected${cursor && `&cursor=${cursor}`}`
    const { body } = await stage.http('GET', path, { role: 'admin' })
    const page = v.parse(SessionPage, body)
    found.push(...page.sessions.map(({ companyId }) => companyId))
    cursor = page.cursor ?? ''
  } while (cursor)
  return new Set(found)
}

const SessionPage = v.object({
  sessions: v.array(v.object({ companyId: v.string() })),
  cursor: v.nullable(v.string()),
})

/**
 * Resolves with the elapsed ms when the HTTP API shows all companies as connected; rejects with the names of those that
 * are not.
 */
export async function untilShownConnected(stage: Stage, linked: readonly Linked[], withinMs: number) {
  const startedAt = performance.now()
  for (;;) {
    const missing = await notShownConnected(stage, linked)
    const elapsed = performance.now() - startedAt
    if (missing.length === 0) return elapsed
    if (elapsed > withinMs) throw new Error(`not connected within ${withinMs} ms: ${missing.join(', ')}`)
    await pause(slowPollMs)
  }
}

/**
 * Returns the companies that are not connected. It asks the HTTP API, which is expensive, only when WhatsApp sees every
 * device.
 */
async function notShownConnected(stage: Stage, linked: readonly Linked[]): Promise<readonly string[]> {
  const phones = new Set(
    await offline(
      stage.run,
      linked.map(({ phone }) => phone),
    ),
  )
  const missing = linked.filter(({ phone }) => phones.has(phone))
  const connected = missing.length > 0 ? undefined : await connectedCompanies(stage)
  return (connected ? linked.filter(({ companyId }) => !connected.has(companyId)) : missing).map(
    ({ companyId }) => companyId,
  )
}

/** Resolves with the elapsed ms when at least `count` devices are online; rejects when that takes too long. */
export async function untilOnline(run: Watched, count: number, withinMs: number): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const { online } = await whatsAppView(run)
    const elapsed = performance.now() - startedAt
    if (online.length >= count) return elapsed
    if (elapsed > withinMs) throw new Error(`${online.length} of ${count} devices online after ${withinMs} ms`)
    await pause(pollMs)
  }
}
