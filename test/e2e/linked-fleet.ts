/**
 * Many linked sessions at once: credentials are written as a link leaves them, through the product's own stores, and the
 * hosts find them when they are started again. From there on all is real: logins of Baileys over sockets of their own.
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

/** The epoch of the host that is said to have linked them: every real one is higher. */
const epoch = 1
const abreast = 8
const pollMs = 100
const slowPollMs = 250
const silent = { debug: () => undefined, warn: () => undefined, error: () => undefined }

type Stores = { readonly companies: CompanyStore; readonly credentials: CredentialStore; readonly dataKeys: DataKeys }

/** Makes the companies linked, as the tables and the simulated WhatsApp have it; no host has seen them yet. */
export async function seedLinked(run: LocalRun, companies: readonly Linked[]): Promise<void> {
  const environment = run.cloud.containers[0]?.environment ?? {}
  const client = documentClient({}, { endpoint: run.endpoints.dynamodb, region, credentials: awsCredentials })
  const shards = Number(environment['SHARDS'])
  const stores: Stores = {
    companies: dynamoCompanyStore({ client, table: environment['CONTROL_TABLE'] ?? '', shards, clock: Date.now }),
    credentials: dynamoCredentialStore({ client, table: environment['CREDENTIALS_TABLE'] ?? '' }),
    dataKeys: kmsDataKeys(run.clients.kms, environment['CREDENTIALS_KEY_ARN'] ?? ''),
  }
  try {
    await inParallel(companies, abreast, (company) => seedOne(stores, `${run.url}/simulator`, company))
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

/** Has the hosts look at the companies at once, as a command of a function would. */
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
  await inParallel(companies, abreast, ({ companyId }) =>
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
  /** Devices that are online, each as often as it is. */
  readonly online: readonly string[]
  /** The longest time for which any device that is online has sent nothing, in ms. */
  readonly maxSilenceMs: number
  readonly phones: readonly { readonly phone: string; readonly devices: readonly { readonly logins: number }[] }[]
  readonly violations: {
    readonly total: number
    readonly counts: Readonly<Record<string, number>>
    readonly latest: readonly { readonly kind: string; readonly phone?: string; readonly at: string }[]
  }
}

/** Asks the simulator itself where this process has it: waits look often, and HTTP would cost more than what is waited for. */
export const whatsAppView = async ({ url, simulator }: Watched): Promise<WhatsAppView> =>
  (simulator
    ? (await simulator.control('GET', '/simulator/state')).body
    : await (await fetch(`${url}/simulator/state`)).json()) as WhatsAppView

/** A run whose simulated WhatsApp can be looked at. */
export type Watched = Pick<LocalRun, 'url'> & Partial<Pick<LocalRun, 'simulator'>>

/** Those of the phones that have no device online. */
export async function offline(run: Watched, phones: readonly string[]): Promise<readonly string[]> {
  const online = new Set((await whatsAppView(run)).online.map((jid) => jid.split(':')[0]))
  return phones.filter((phone) => !online.has(phone))
}

/** How often the first device of each phone has logged in. */
export async function loginsOf(run: LocalRun, phones: readonly string[]): Promise<readonly number[]> {
  const known = new Map((await whatsAppView(run)).phones.map(({ phone, devices }) => [phone, devices[0]?.logins]))
  return phones.map((phone) => known.get(phone) ?? 0)
}

/** Companies that are connected, as operators are told. */
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

/** Resolves with the ms that it took until operators are told that all are connected; rejects naming those that are not. */
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

/** Lists are read by functions, company by company: none is asked for while WhatsApp itself still misses a device. */
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

/** Resolves with the ms that it took until so many devices are online. */
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
