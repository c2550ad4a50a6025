/** Benchmark of leases without other load: requests to DynamoDB of one, two and three idle hosts with sixteen shards. */
import { setTimeout as pause } from 'node:timers/promises'
import { synthesize } from '../../local/synth.ts'
import { fleetOf } from '../support/fleet.ts'
import { startStage } from '../support/stage.ts'
import { type Counted, countingDynamoDb } from './counting-proxy.ts'

const shards = 16
const windowMs = 60_000
/** Wait after the start: a new host reads the leases often during the first lease duration. */
const settleMs = 12_000
const spreadWithinMs = 180_000

export async function leases(say: (line: string) => void): Promise<void> {
  const { folder, remove } = await synthesize(shards, new AbortController().signal)
  say(`leases: requests of idle hosts to DynamoDB in a minute, ${shards} shards, renewed every 3 s`)
  try {
    for (const hosts of [1, 2, 3]) await measure(hosts, folder, say)
  } finally {
    await remove()
  }
}

async function measure(hosts: number, assembly: string, say: (line: string) => void): Promise<void> {
  const dynamoDb = await countingDynamoDb()
  const stage = await startStage({ hosts, assembly, env: { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url } })
  try {
    await fleetOf(stage).untilSpread(spreadWithinMs)
    await pause(settleMs)
    const from = dynamoDb.counted.length
    await pause(windowMs)
    const counted = dynamoDb.counted.slice(from)
    const of = (operation: string, row: string) => counted.filter((each) => isOf(each, operation, row))
    const reads = of('BatchGetItem', 'LEASE')
    const renewals = of('UpdateItem', 'LEASE')
    const heartbeats = of('PutItem', 'BEAT')
    say(
      `  ${hosts} ${hosts === 1 ? 'host ' : 'hosts'}  ${counted.length} in all; per host ${perHost(reads, hosts)} reads of all ` +
        `leases, ${perHost(heartbeats, hosts)} heartbeats; per shard ${(renewals.length / shards).toFixed(1)} renewals; ` +
        `${Math.round(units(reads))} RCU, ${Math.round(units(renewals) + units(heartbeats))} WCU`,
    )
  } finally {
    await stage.stop()
    await dynamoDb.stop()
  }
}

const isOf = ({ operation, body }: Counted, wanted: string, row: string) =>
  operation === wanted && body.includes(`"${row}"`)
const units = (some: readonly Counted[]) => some.reduce((sum, each) => sum + each.units, 0)
const perHost = (some: readonly Counted[], hosts: number) => (some.length / hosts).toFixed(1)
