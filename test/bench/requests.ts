/**
 * Benchmark of the requests to DynamoDB and their capacity units for a link, a reconnect, a take-over after kill -9 and a
 * reset, with a single company on the run. The requests of the host are listed in their order, by the rows that they name.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { restartHosts } from '../support/linked-fleet.ts'
import { link, startStage } from '../support/stage.ts'
import { type Counted, countingDynamoDb, isWrite } from './counting-proxy.ts'
import { described } from './row-kinds.ts'

/** Wait for work that follows an answer: clean-up, metrics, the last keys. */
const afterwardsMs = 4_000

export async function requests(say: (line: string) => void): Promise<void> {
  const dynamoDb = await countingDynamoDb()
  const stage = await startStage({ env: { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url } })
  const hostRole = stage.run.cloud.containers[0]?.role?.name ?? ''
  const count = async (what: keyof typeof left, work: () => Promise<unknown>) => {
    await pause(afterwardsMs)
    const before = dynamoDb.counted.length
    await work()
    await pause(afterwardsMs)
    const own = dynamoDb.counted.slice(before).filter((each) => !isOfTheFleet(each))
    const host = own.filter(({ caller }) => caller === hostRole)
    say(`  ${what.padEnd(10)} ${totals(own)}`)
    say(`    of the host ${totals(host)}`)
    for (const line of listed(host)) say(`      ${line}`)
    for (const line of left[what]) say(`    left: ${line}`)
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

/** Requests of the host that remain, and their reasons. */
const left = {
  'first link': [
    'a write of STATE per decision (accepted, code, answered, prepared, committed, connected): clients are told of each',
    'connections are read for each push: they change in functions, and a push to one that is gone is lost',
    'pre-keys are written once, as parts, and named by the journal: all rows of a set or none',
    'rows that belong together go through the journal, which is filled and emptied: DynamoDB has no cheaper way',
  ],
  reconnect: ['STATE is read once, and written when the session closes and when it is back; each is pushed'],
  'take-over': [
    'the lists of all shards and STATE; adoption and connected are writes; the notes of the phone are repeated (R24)',
    'load: two reads in one, a stamp on the journal, and one on the creds (R12)',
    'keys that only the last owner has written are read together, by the first read of the login',
  ],
  reset: ['one decision, its end, and the sweep: a deleted row costs what it holds'],
} as const

/** Requests that hosts make whatever happens to the company. */
const isOfTheFleet = (each: Counted) => /LEASE|BEAT|METRIC|host/.test(described(each))

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
