/** Control plane in memory: the real publisher and the real decisions, over recording stores, queues and clients. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type CodeBudgetSettings, codeBudget } from '#shared/budget/code-budget.ts'
import { type Refunds, refundUnused } from '#shared/budget/refunds.ts'
import { leaseTimes } from '#shared/config/settings.ts'
import { acceptAttempt } from '#shared/domain/attempt/acceptance.ts'
import { commitLink, prepareLink } from '#shared/domain/attempt/link.ts'
import { issueCode } from '#shared/domain/attempt/pairing.ts'
import type { Transition } from '#shared/domain/company/company.ts'
import { shardOf } from '#shared/domain/fleet/shard.ts'
import { sessionConnected } from '#shared/domain/session/session.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { Connection, ConnectionStore, Decided } from '#shared/ports.ts'
import { connectionPublisher } from '#shared/push/publisher.ts'
import { createLog } from '#shared/telemetry/log.ts'
import { observedCompanyStore } from '#shared/telemetry/observed-store.ts'
import type { Rate } from '../../functions/access/rate-limit.ts'
import type { VerifyToken } from '../../functions/access/tokens.ts'
import type { Reporting } from '../../functions/failures.ts'
import type { Context } from '../../functions/stack.ts'
import type { ErrorTelemetry } from '../../functions/telemetry/reports.ts'
import type { Telemetry } from '../../functions/telemetry/telemetry.ts'
import { type WatchdogDeps, watchdog } from '../../functions/watchdog.ts'
import { authorizer } from '../../functions/ws/authorizer.ts'
import { type ConnectDeps, connect as connectFunction } from '../../functions/ws/connect.ts'
import { type DisconnectDeps, disconnect as disconnectFunction } from '../../functions/ws/disconnect.ts'
import { expelConnections } from '../../functions/ws/expel.ts'
import { type MessageDeps, message } from '../../functions/ws/message.ts'
import { memoryBudgetStore } from '../fakes/memory-budget-store.ts'
import { memoryCompanyStore } from '../fakes/memory-company-store.ts'
import { memoryConnectionStore } from '../fakes/memory-connection-store.ts'
import { memoryIdempotencyStore } from '../fakes/memory-idempotency-store.ts'
import { memoryPhoneLinks } from '../fakes/memory-phone-links.ts'
import { recordingCommandQueue } from '../fakes/recording-command-queue.ts'

export const start = Date.parse('2026-11-22T10:00:00Z')
export const company = '1001'
const shards = 4
export const phone = '+7 900 123-45-67'
export const digits = '79001234567'
const owner = { hostId: 'host-1', epoch: 7 }

export type Frame = { readonly event: string; readonly seq: number; readonly [field: string]: unknown }
export type World = ReturnType<typeof makeWorld>

type Service = 'store' | 'queue' | 'connections'

/** Limits of codes; those of a phone that another company has linked are no fewer than for its owner by default. */
export type Codes = Pick<CodeBudgetSettings, 'codesPerPhone' | 'codesPerCompany'> &
  Partial<Pick<CodeBudgetSettings, 'codesPerForeignPhone'>>

/** Key of the hashes of phones. */
export const hashSecret = 'a secret for hashing phones'

/**
 * Dependencies of all functions. A service in `away` cannot be reached, one in `broken` throws an unexpected error, and
 * one in `stuck` never answers.
 */
export function makeWorld(codes: Codes = { codesPerPhone: 100, codesPerCompany: 100 }) {
  const now = { value: start }
  const clock = () => now.value
  const away = new Set<Service>()
  const broken = new Set<Service>()
  const stuck = new Set<Service>()
  const lines: string[] = []
  const log = createLog('test', { write: (line) => lines.push(line), clock })
  const check = (what: Service) => {
    if (away.has(what)) throw new StoreUnavailable(what, new Error('connect ECONNREFUSED 10.0.0.7'))
    if (broken.has(what)) throw new TypeError('secret internals')
    return stuck.has(what) ? new Promise<void>(() => {}) : undefined
  }
  const queue = troubledQueue(() => check('queue'))
  const connections = watchedConnections(clock, () => check('connections'))
  const clients = recordingClients()
  const publisher = connectionPublisher({ connections, api: clients, clock, log })
  const pairing = { defaultRegion: 'RU', codeDeadlineMs: 20_000 }
  const idempotency = memoryIdempotencyStore()
  const budgets = memoryBudgetStore()
  const links = memoryPhoneLinks()
  const budget = codeBudget({
    store: budgets,
    links,
    clock,
    hashSecret: async () => hashSecret,
    codesPerForeignPhone: codes.codesPerPhone,
    ...codes,
    windowMs: 600_000,
  })
  const store = watchedStore(clock, () => check('store'), { giveBack: budget.giveBack, log })
  return {
    ...{ now, clock, away, broken, stuck, lines, log, store, queue, connections, connectionsApi: clients, clients },
    ...{
      links,
      publisher,
      pairing,
      budget,
      idempotency,
      verify: verifyByName,
      shards,
      telemetry: recordingTelemetry(),
    },
    staleMs: leaseTimes.staleMs,
    rateLimit: { count: async (_caller: string): Promise<Rate> => 'within' },
    expel: (some: readonly Connection[]) => expelConnections(some, { api: clients, clock }),
    /** Connects a client. */
    join: (connectionId: string, language: 'ru' | 'en' = 'en', companyId = company) =>
      connections.add({ connectionId, companyId, language, connectedAt: start }),
    state: (companyId = company) => store.state(companyId),
  }
}

/** Company store that can be down, and whose state tests can read. */
function watchedStore(clock: () => number, check: Check, refunds: Refunds) {
  const memory = memoryCompanyStore(clock, shards)
  const store = observedCompanyStore(memory, refundUnused(refunds))
  const checked = checkedBy(check)
  return {
    writes: memory.writes,
    state: memory.state,
    put: memory.put,
    loseRaces: memory.loseRaces,
    setLease: memory.setLease,
    async decide<Outcome>(companyId: string, transition: Transition<Outcome>): Promise<Decided<Outcome>> {
      await check()
      return store.decide(companyId, transition)
    },
    read: checked(store.read),
    readWithSeq: checked(store.readWithSeq),
    leaseOf: checked(store.leaseOf),
    companiesOf: checked(store.companiesOf),
  }
}

/** Queues that can be down. `refusesCommands` fails commands only; the watchdog has another queue. */
function troubledQueue(check: Check) {
  const trouble = { refusesCommands: false }
  const queue = recordingCommandQueue((call) => {
    check()
    if (call === 'sendCommand' && trouble.refusesCommands)
      throw new StoreUnavailable('sqs', new Error('connect ETIMEDOUT'))
  })
  return Object.assign(trouble, queue)
}

/** Throws when a service is in trouble; the promise of one that is stuck never settles. */
type Check = () => Promise<void> | undefined

const checkedBy =
  (check: Check) =>
  <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
  async (...args: Args): Promise<T> => {
    await check()
    return call(...args)
  }

/** Connection store that can be down. */
function watchedConnections(clock: () => number, check: Check): ConnectionStore {
  const store = memoryConnectionStore(clock)
  const checked = checkedBy(check)
  return {
    add: checked(store.add),
    bar: checked(store.bar),
    remove: checked(store.remove),
    list: checked(store.list),
  }
}

/** Management API that records the frames sent to each connection, and the connections that were closed. */
function recordingClients() {
  const sent: { connectionId: string; frame: Frame }[] = []
  const closed: string[] = []
  return {
    sent,
    closed,
    framesOf: (connectionId: string) => sent.filter((one) => one.connectionId === connectionId).map((one) => one.frame),
    async post(connectionId: string, text: string) {
      sent.push({ connectionId, frame: JSON.parse(text) as Frame })
      return 'sent' as const
    },
    async close(connectionId: string) {
      closed.push(connectionId)
      return 'sent' as const
    },
  }
}

/** Telemetry that records what operators would see, and the number of reports that each flush has sent. */
function recordingTelemetry() {
  const refusals: string[] = []
  /** Fields beside each refusal in the metrics. */
  const refusedAbout: unknown[] = []
  const unexpected: unknown[] = []
  const flushes: number[] = []
  const telemetry: Telemetry = {
    observe: () => {},
    refused: (code, about) => {
      refusals.push(code)
      refusedAbout.push(about)
    },
    unexpected: (error) => unexpected.push(error),
    async finish() {
      // Takes a turn of the event loop, so that an answer that does not wait for it comes first.
      await nextTurn()
      flushes.push(unexpected.length)
    },
  }
  return { ...telemetry, refusals, refusedAbout, seen: unexpected, flushes }
}

/** Verifies tokens that are just a name: `admin`, or a company's id. */
const verifyByName: VerifyToken = async (token) => {
  const exp = start / 1000 + 3600
  if (token === 'bad') return { ok: false, error: 'invalid' }
  if (token === 'admin') return { ok: true, value: { role: 'admin', lang: 'en', exp } }
  return { ok: true, value: { role: 'marketplace', companyId: token, lang: 'en', exp } }
}

/** Acts as a host that accepts the running attempt and shows a code. */
export async function showCode({ store, now, state }: World, code = 'ABCD-EFGH', companyId = company): Promise<void> {
  const attempt = state(companyId).attempt!
  const ref = { attemptId: attempt.attemptId, fence: attempt.fence, owner }
  await store.decide(companyId, (seen, at) => acceptAttempt(seen, ref, 'replace', at))
  const issued = { shown: { code }, expiresAt: now.value + 50_000, socketUntil: now.value + 160_000 }
  await store.decide(companyId, (seen, at) => issueCode(seen, ref, issued, at))
}

/** Links the phone of the running attempt, and connects its session. */
export async function link(world: World, companyId = company): Promise<void> {
  await showCode(world, 'ABCD-EFGH', companyId)
  const attempt = world.state(companyId).attempt!
  const ref = { attemptId: attempt.attemptId, fence: attempt.fence, owner }
  const generation = `01J${companyId}`
  const link = { generation, wrappedKey: 'a2V5', phone: digits }
  await world.store.decide(companyId, (seen, at) => prepareLink(seen, ref, link, at))
  await world.store.decide(companyId, (seen, at) => commitLink(seen, ref, link, at))
  await world.store.decide(companyId, (seen, at) => sessionConnected(seen, { generation, owner }, at))
  world.store.setLease(shardOf(companyId, shards), {
    epoch: owner.epoch,
    ownerId: owner.hostId,
    renewedAt: world.now.value,
  })
}

export const lambdaContext = { getRemainingTimeInMillis: () => 10_000 }

/** Calls of the functions, each with the dependencies of a test. */
export const connect = (event: unknown, deps: ConnectDeps, context: Context = lambdaContext) =>
  connectFunction(() => ({ ...deps, telemetry: errorsOnly(deps.telemetry) }))(event, context)
export const disconnect = (event: unknown, deps: DisconnectDeps, context: Context = lambdaContext) =>
  disconnectFunction(() => ({ ...deps, telemetry: errorsOnly(deps.telemetry) }))(event, context)
export const receive = (event: unknown, context: Context, deps: MessageDeps) => message(() => deps)(event, context)
export const watch = (event: unknown, deps: WatchdogDeps, context: Context = lambdaContext) =>
  watchdog(() => deps)(event, context)
export const authorize = (
  event: unknown,
  verify: VerifyToken,
  reporting: Reporting = makeWorld(),
  context: Context = lambdaContext,
) => {
  const { log, telemetry } = reporting
  const loadReporting = async () => ({ log, ...(telemetry && { telemetry: errorsOnly(telemetry) }) })
  return authorizer(() => ({ verifier: () => verify, loadReporting }))(event, context)
}

/** The telemetry of functions that make no decisions about companies: they have no counters. */
const errorsOnly = ({ unexpected, finish }: ErrorTelemetry): ErrorTelemetry => ({ unexpected, finish })

type RequestContext = {
  connectionId?: string
  companyId?: string
  language?: 'ru' | 'en'
  exp?: number | string
  connectedAt?: number
}

const requestContext = ({
  connectionId = 'A',
  companyId = company,
  language = 'en',
  exp = String(start / 1000 + 60),
  connectedAt = start,
}: RequestContext) => ({
  routeKey: '$default',
  connectionId,
  connectedAt,
  requestId: 'apigw-request-1',
  authorizer: { principalId: companyId, companyId, role: 'marketplace', language, exp },
})

/** Makes the event of a message as API Gateway delivers it. */
export const messageEvent = (body: unknown, context: RequestContext = {}) => ({
  requestContext: requestContext(context),
  body: typeof body === 'string' ? body : JSON.stringify(body),
  isBase64Encoded: false,
})

export const connectEvent = (headers: Record<string, string> = {}, context: RequestContext = {}) => ({
  headers,
  queryStringParameters: null,
  requestContext: requestContext(context),
  isBase64Encoded: false,
})

type HttpRequest = {
  token?: string
  companyId?: string
  body?: unknown
  query?: Record<string, string>
  headers?: Record<string, string>
}

/** Makes the event of a request as the HTTP API delivers it (payload format 2.0). */
export function httpEvent(routeKey: string, { token, companyId = company, body, query, headers }: HttpRequest = {}) {
  const [method = 'GET', path = ''] = routeKey.split(' ')
  return {
    version: '2.0',
    routeKey,
    rawPath: path.replace('{companyId}', companyId),
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(path.includes('{') && { pathParameters: { companyId } }),
    ...(query && { queryStringParameters: query }),
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    isBase64Encoded: false,
    requestContext: { requestId: 'http-request-1', routeKey, http: { method, path } },
  }
}
