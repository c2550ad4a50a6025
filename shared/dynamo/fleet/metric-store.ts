/**
 * Source of `/metrics`: counters per minute, and the heartbeats of the hosts. Counters are spread over slots, one of which
 * each process writes to: all functions and hosts together would exceed the 1,000 writes a second of one partition key.
 */
import { randomInt } from 'node:crypto'
import { QueryCommand, type QueryCommandOutput, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { type Counts, sumOf } from '#shared/domain/metrics/metrics.ts'
import { batchGet } from '../batch-get.ts'
import type { ControlTable } from '../shard-companies.ts'
import { heartbeatSortKey, hostKey, partitionKey, sortKey, ttlAttribute } from '../table.ts'
import { leaseRowKey, parseLease } from './lease-row.ts'

/** The last heartbeat of a host; times are epoch ms. */
export type HostLine = v.InferOutput<typeof HostLine>

export type MetricStore = {
  /** Adds to the counters of the minute of `at` (epoch ms). A call that the SDK repeats may count twice. */
  add(counts: Counts, at: number): Promise<void>
  /** Adds the counters of the last `minutes` minutes up to `now` (epoch ms), the running one included. At most 100. */
  sum(minutes: number, now: number): Promise<Counts>
  /** Returns the heartbeats of the hosts that own a shard. */
  hosts(shards: number): Promise<readonly HostLine[]>
}

/** Number of partitions that share the counters of a minute. Readers ask all of them; fewer would lose counters. */
export const metricSlots = 16

const minuteMs = 60_000
const keptSeconds = 2 * 24 * 60 * 60

const count = v.pipe(v.number(), v.minValue(0))
const HostLine = v.object({
  hostId: v.string(),
  version: v.string(),
  since: v.number(),
  sessions: count,
  shards: v.array(count),
  /** Sessions by status. */
  states: v.optional(v.record(v.string(), count), {}),
  /** Time of the write. */
  at: v.number(),
})
const MinuteRow = v.record(v.string(), v.unknown())

const slotKey = (slot: number) => `METRIC#${slot}`
/** Sort key of a minute. Twelve digits, so that the order of the texts is the order of the minutes. */
const minuteSortKey = (at: number) => String(Math.floor(at / minuteMs)).padStart(12, '0')

/** Makes the store of a process. `slot` is the one that it writes to; the default is any. */
export function dynamoMetricStore(control: ControlTable, slot = randomInt(metricSlots)): MetricStore {
  return {
    add: (counts, at) => add(control, { [partitionKey]: slotKey(slot), [sortKey]: minuteSortKey(at) }, counts, at),
    async sum(minutes, now) {
      const [from, to] = [minuteSortKey(now - (minutes - 1) * minuteMs), minuteSortKey(now)]
      const slots = Array.from({ length: metricSlots }, (_, index) => rowsOf(control, slotKey(index), from, to))
      return sumOf((await Promise.all(slots)).flat().map(countsOf))
    },
    hosts: (shards) => hosts(control, shards),
  }
}

async function add(
  { client, table }: ControlTable,
  key: Readonly<Record<string, string>>,
  counts: Counts,
  at: number,
): Promise<void> {
  const entries = Object.entries(counts)
  if (entries.length === 0) return
  const additions = entries.map((_, index) => `#n${index} :n${index}`).join(', ')
  await client.send(
    new UpdateCommand({
      TableName: table,
      Key: key,
      UpdateExpression: `SET #ttl = :ttl ADD ${additions}`,
      ExpressionAttributeNames: {
        '#ttl': ttlAttribute,
        ...Object.fromEntries(entries.map(([name], index) => [`#n${index}`, name])),
      },
      ExpressionAttributeValues: {
        ':ttl': Math.floor(at / 1000) + keptSeconds,
        ...Object.fromEntries(entries.map(([, value], index) => [`:n${index}`, value])),
      },
    }),
  )
}

/** Returns the rows of a slot with sort keys in the range, which includes both ends. */
async function rowsOf({ client, table }: ControlTable, partition: string, from: string, to: string) {
  const rows: Record<string, unknown>[] = []
  let start: QueryCommandOutput['LastEvaluatedKey']
  do {
    const page: QueryCommandOutput = await client.send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: '#pk = :pk AND #sk BETWEEN :from AND :to',
        ExpressionAttributeNames: { '#pk': partitionKey, '#sk': sortKey },
        ExpressionAttributeValues: { ':pk': partition, ':from': from, ':to': to },
        ExclusiveStartKey: start,
      }),
    )
    rows.push(...(page.Items ?? []))
    start = page.LastEvaluatedKey
  } while (start)
  return rows
}

/** Returns the counters of a row: all its numbers but its expiry. */
function countsOf(item: unknown): Counts {
  const { [ttlAttribute]: _expiry, ...row } = v.parse(MinuteRow, item)
  const numbers = Object.entries(row).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  return Object.fromEntries(numbers)
}

async function hosts(control: ControlTable, shards: number): Promise<readonly HostLine[]> {
  const leases = await batchGet(
    control,
    Array.from({ length: shards }, (_, shard) => leaseRowKey(shard)),
  )
  const owners = new Set(leases.map((item) => parseLease(0, item).ownerId).filter((owner) => owner !== undefined))
  const keys = [...owners].map((hostId) => ({ [partitionKey]: hostKey(hostId), [sortKey]: heartbeatSortKey }))
  const lines = await batchGet(control, keys)
  return lines.map((line) =>
    v.parse(HostLine, { ...line, hostId: String(line[partitionKey]).slice(hostKey('').length) }),
  )
}
