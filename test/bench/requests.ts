/**
 * Benchmark of DynamoDB requests and capacity units of a link, a reconnect and a reset, with a single company on the
 * run.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { link, startStage } from '../support/stage.ts'
import { type Counted, countingDynamoDb } from './counting-proxy.ts'

/** Wait for work that follows an answer: clean-up, metrics, the last keys. */
const afterwardsMs = 4_000

export async function requests(say: (line: string) => void): Promise<void> {
  const dynamoDb = await countingDynamoDb()
  const stage = await startStage({ env: { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url } })
  try {
    // The first company warms up functions and hosts, and causes the reads that happen only once.
    await (await link(stage, stage.fresh().companyId, stage.fresh().phone)).close()
    const { companyId, phone } = stage.fresh()
    const count = async (what: string, work: () => Promise<void>) => {
      await pause(afterwardsMs)
      const before = dynamoDb.counted.length
      await work()
      await pause(afterwardsMs)
      say(lineOf(what, dynamoDb.counted.slice(before)))
    }
    say('requests to DynamoDB, without leases and heartbeats')
    await count('first link', async () => (await link(stage, companyId, phone)).close())
    const client = await stage.client(companyId)
    await count('reconnect', async () => {
      await phone.disrupt('close')
      await client.next('whatsapp-connected')
    })
    await count('reset', async () => void (await client.ask('reset-whatsapp-credentials', 'credentials-reset')))
    await client.close()
  } finally {
    await stage.stop()
    await dynamoDb.stop()
  }
}

function lineOf(what: string, all: readonly Counted[]): string {
  const own = all.filter(({ body }) => !/"(LEASE|BEAT)"/.test(body))
  const isWrite = ({ operation }: Counted) => /^(Put|Update|Delete|BatchWrite)/.test(operation)
  const units = (some: readonly Counted[]) => some.reduce((sum, each) => sum + each.units, 0)
  const [writes, reads] = [own.filter(isWrite), own.filter((each) => !isWrite(each))]
  const operations = [...new Set(own.map(({ operation }) => operation))].sort()
  const each = operations.map((name) => `${name} ${own.filter(({ operation }) => operation === name).length}`)
  return (
    `  ${what.padEnd(10)} ${own.length} requests: ${reads.length} reads (${units(reads)} RCU), ` +
    `${writes.length} writes (${units(writes)} WCU); ${each.join(', ')}`
  )
}
