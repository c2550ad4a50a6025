/** Store requests, messages and milliseconds of each kind of request, over the WebSocket and over HTTP. */
import { setTimeout as pause } from 'node:timers/promises'
import { link, type Phone, type Stage, startStage, steadyLeases } from '../support/stage.ts'
import { type Counted, countingDynamoDb, isOfLeases, isWrite } from './counting-proxy.ts'
import { countingQueues } from './counting-queues.ts'
import { median, milliseconds } from './figures.ts'

/** Requests of each kind; pairings and resets of each way. */
const runs = Number(process.env['BENCH_RUNS'] ?? 10)
const pairings = Number(process.env['BENCH_PAIRINGS'] ?? 3)
/** Between two requests, so that none exceeds the limits of a client. */
const spacingMs = 150
/** Wait for work that follows an answer: clean-up, metrics, the last keys. */
const afterwardsMs = 3_000
const pollMs = 250
const pairingTimeoutMs = 60_000

type Counters = {
  readonly stage: Stage
  readonly dynamoDb: Awaited<ReturnType<typeof countingDynamoDb>>
  readonly queues: Awaited<ReturnType<typeof countingQueues>>
  readonly say: (line: string) => void
}

export async function costsPerRequest(say: (line: string) => void): Promise<void> {
  const [dynamoDb, queues] = await Promise.all([countingDynamoDb(), countingQueues()])
  const stage = await startStage({
    env: { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url, AWS_ENDPOINT_URL_SQS: queues.url },
    environment: steadyLeases,
  })
  const counters = { stage, dynamoDb, queues, say }
  try {
    // The first company warms up functions and hosts, and causes the reads that happen only once.
    await (await link(stage, stage.fresh().companyId, stage.fresh().phone)).close()
    say('per request, without leases and heartbeats; units are those of DynamoDB for consistent reads and writes')
    await pause(afterwardsMs)
    await count(counters, 'nothing, for a second', runs, () => pause(1_000 - spacingMs))
    await overWebSocket(counters)
    await overHttp(counters)
  } finally {
    await stage.stop()
    await queues.stop()
    await dynamoDb.stop()
  }
}

/** Does the work `times` times, one after the other, and prints what each has cost on average. */
async function count(
  { dynamoDb, queues, say }: Counters,
  what: string,
  times: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  const [rowsBefore, sentBefore] = [dynamoDb.counted.length, queues.sent()]
  const took: number[] = []
  for (let index = 0; index < times; index++) {
    const start = performance.now()
    await work(index)
    took.push(performance.now() - start)
    await pause(spacingMs)
  }
  await pause(afterwardsMs)
  const own = dynamoDb.counted.slice(rowsBefore).filter((each) => !isOfLeases(each))
  const sent = queues.sent()
  const each = (total: number) => Number((total / times).toFixed(1))
  const messages = `${each(sent.commands - sentBefore.commands)} commands, ${each(sent.watchdog - sentBefore.watchdog)} to the watchdog`
  say(`  ${what.padEnd(34)} ${rowsOf(own, each)}; ${messages}; ${milliseconds(median(took))}`)
}

function rowsOf(own: readonly Counted[], each: (total: number) => number): string {
  const units = (some: readonly Counted[]) => each(some.reduce((sum, one) => sum + one.units, 0))
  const [writes, reads] = [own.filter(isWrite), own.filter((one) => !isWrite(one))]
  return `${each(reads.length)} reads (${units(reads)} RCU), ${each(writes.length)} writes (${units(writes)} WCU)`
}

const someCompanies = (stage: Stage, many: number) => Array.from({ length: many }, () => stage.fresh())

async function overWebSocket(counters: Counters): Promise<void> {
  const { stage } = counters
  const owners = someCompanies(stage, pairings)
  const clients = await Promise.all(owners.map(({ companyId }) => stage.client(companyId)))
  const clientOf = (index: number) => clients[index] ?? clients[0]!
  await count(counters, 'WebSocket: pairing, to connected', pairings, async (index) => {
    const { phone } = owners[index]!
    const { code } = await clientOf(index).ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await phone.enterCode(code)
    await clientOf(index).next('whatsapp-connected')
  })
  await count(counters, 'WebSocket: connect and disconnect', runs, async () => {
    await (await stage.client(owners[0]!.companyId)).close()
  })
  await count(counters, 'WebSocket: ping', runs, () => clientOf(0).ask('ping', 'pong'))
  await count(counters, 'WebSocket: status', runs, () => clientOf(0).ask('get-status', 'status'))
  await count(counters, 'WebSocket: reset of a link', pairings, (index) =>
    clientOf(index).ask('reset-whatsapp-credentials', 'credentials-reset'),
  )
  await count(counters, 'WebSocket: reset of nothing', runs, () =>
    clientOf(0).ask('reset-whatsapp-credentials', 'credentials-reset'),
  )
  const { companyId, phone } = stage.fresh()
  const client = await stage.client(companyId)
  const repeat = () => client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
  await repeat()
  await pause(afterwardsMs)
  await count(counters, 'WebSocket: identical request', runs, repeat)
  await client.ask('cancel-pairing', 'pairing-cancelled')
  await Promise.all([...clients, client].map((each) => each.close()))
}

async function overHttp(counters: Counters): Promise<void> {
  const { stage } = counters
  const owners = someCompanies(stage, pairings)
  const call = (method: string, path: string, companyId: string, body?: object) =>
    answered(stage, method, `/api/whatsapp/sessions/${companyId}${path}`, companyId, body)
  let polls = 0
  const poll = async (companyId: string, path: string, isDone: (body: Record<string, unknown>) => unknown) => {
    const until = performance.now() + pairingTimeoutMs
    while (performance.now() < until) {
      polls += 1
      const body = await call('GET', path, companyId)
      if (isDone(body)) return body
      await pause(pollMs)
    }
    throw new Error(`${companyId}: ${path} has not changed in time`)
  }
  const pair = async (companyId: string, phone: Phone) => {
    await call('POST', '/pairing-code', companyId, { phoneNumber: phone.number })
    const { attempt } = await poll(companyId, '/attempt', (body) => codeIn(body['attempt']))
    await phone.enterCode(codeIn(attempt))
    await poll(companyId, '', ({ session }) => session === 'connected')
  }
  await count(counters, 'HTTP: pairing, to connected', pairings, (index) =>
    pair(owners[index]!.companyId, owners[index]!.phone),
  )
  counters.say(`    with ${(polls / pairings).toFixed(1)} polls per pairing`)
  const [{ companyId }] = owners as [(typeof owners)[number]]
  await count(counters, 'HTTP: status', runs, () => call('GET', '', companyId))
  await count(counters, 'HTTP: attempt', runs, () => call('GET', '/attempt', companyId))
  await count(counters, 'HTTP: reset of a link', pairings, (index) =>
    call('DELETE', '/credentials', owners[index]!.companyId),
  )
  await count(counters, 'HTTP: reset of nothing', runs, () => call('DELETE', '/credentials', companyId))
  const fresh = stage.fresh()
  const repeat = () => call('POST', '/pairing-code', fresh.companyId, { phoneNumber: fresh.phone.number })
  await repeat()
  await poll(fresh.companyId, '/attempt', (body) => codeIn(body['attempt']))
  await pause(afterwardsMs)
  await count(counters, 'HTTP: identical request', runs, repeat)
}

const codeIn = (attempt: unknown): string | undefined =>
  typeof attempt === 'object' && attempt !== null && 'code' in attempt ? String(attempt.code) : undefined

/** Calls a route as a client of the company. Throws when it is refused: a refusal must not be measured as an answer. */
async function answered(stage: Stage, method: string, path: string, companyId: string, body?: object) {
  const answer = await stage.http(method, path, { companyId }, body ? { body } : {})
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}
