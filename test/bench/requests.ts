/**
 * Benchmark of the requests to DynamoDB and their capacity units for a link, a reconnect, a take-over after kill -9 and a
 * reset, with a single company on the run. The requests of the host are listed in their order, by the rows that they name.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { restartHosts } from '../support/linked-fleet.ts'
import { link, startStage } from '../support/stage.ts'
import { type Counted, countingDynamoDb } from './counting-proxy.ts'
import { described } from './row-kinds.ts'

/** Wait for work that follows an answer: clean-up, metrics, the last keys. */
const afterwardsMs = 4_000

export async function requests(say: (line: string) => void): Promise<void> {
  const dynamoDb = await countingDynamoDb()
  const stage = await startStage({ env: { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url } })
  const hostRole = stage.run.cloud.containers[0]?.role?.name ?? ''
  const count = async (what: string, work: () => Promise<unknown>) => {
    await pause(afterwardsMs)
    const before = dynamoDb.counted.length
    await work()
    await pause(afterwardsMs)
    const own = dynamoDb.counted.slice(before).filter((each) => !isOfTheFleet(each))
    const host = own.filter(({ caller }) => caller === hostRole)
    say(`  ${what.padEnd(10)} ${totals(own)}`)
    say(`    of the host ${totals(host)}`)
    for (const line of listed(host)) say(`      ${line}`)
  }
  try {
    // The first company warms up functions and hosts, and causes the reads that happen only once.
    const first = stage.fresh()
    const warmed = await link(stage, first.companyId, first.phone)
    await warmed.ask('reset-whatsapp-credentials', 'credentials-reset')
    await warmed.close()
    const { companyId, phone } = stage.fresh()
    say('requests to DynamoDB, without leases, heartbeats and metrics')
    await count('first link', async () => (await link(stage, companyId, phone)).close())
    const client = await stage.client(companyId)
    const reconnected = () => client.next('whatsapp-connected')
    await count('reconnect', () => Promise.all([phone.disrupt('close'), reconnected()]))
    await count('take-over', () => Promise.all([restartHosts(stage.run, 'SIGKILL'), reconnected()]))
    await count('reset', () => client.ask('reset-whatsapp-credentials', 'credentials-reset'))
    await client.close()
  } finally {
    await stage.stop()
    await dynamoDb.stop()
  }
}

/** Requests that hosts make whatever happens to the company. */
const isOfTheFleet = (each: Counted) => /LEASE|BEAT|METRIC|host/.test(described(each))

const isWrite = ({ operation }: Counted) => /^(Put|Update|Delete|BatchWrite)/.test(operation)

function totals(own: readonly Counted[]): string {
  const units = (some: readonly Counted[]) => some.reduce((sum, each) => sum + each.units, 0)
  const [writes, reads] = [own.filter(isWrite), own.filter((each) => !isWrite(each))]
  return `${own.length} requests: ${reads.length} reads (${units(reads)} RCU), ${writes.length} writes (${units(writes)} WCU)`
}

/** One line per request, in order; equal ones that follow each other share a line. */
function listed(own: readonly Counted[]): readonly string[] {
  const lines: { readonly what: string; times: number; units: number }[] = []
  for (const each of own) {
    const what = described(each)
    const last = lines.at(-1)
    if (last?.what === what) Object.assign(last, { times: last.times + 1, units: last.units + each.units })
    else lines.push({ what, times: 1, units: each.units })
  }
  return lines.map(({ what, times, units }) => `${what}${times > 1 ? ` ×${times}` : ''} (${units})`)
}
