/**
 * `LeaseStore` on DynamoDB. One conditional write each, on the shard's item `LEASE`:
 *
 *     claim    if epoch, version and owner are as seen    owner, epoch and version new, wantedBy and isLeaving gone
 *     renew    if owner and epoch are mine                version + 1
 *     want     if owner and epoch are as seen             wantedBy new
 *     bequeath if owner and epoch are mine                wantedBy new, isLeaving
 *     release  if owner and epoch are mine                owner gone; epoch and wantedBy stay: who wanted it comes first
 */
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { LeaseSeen } from '#shared/domain/fleet/lease.ts'
import type { Clock, Lease, LeaseStore } from '#shared/ports.ts'
import { batchGet } from '../batch-get.ts'
import { unlessRefused } from '../conditional.ts'
import type { ControlTable } from '../shard-companies.ts'
import { beatSortKey, hostKey, partitionKey, sortKey, ttlAttribute } from '../table.ts'
import { leaseRowKey, parseLease, readLease, shardOfLeaseRow } from './lease-row.ts'

export type LeaseStoreDeps = ControlTable & { readonly clock: Clock }

/** How long the line of a host that is gone is kept. */
const beatLifetimeMs = 24 * 3_600_000

export function dynamoLeaseStore(deps: LeaseStoreDeps): LeaseStore {
  return {
    readAll: (shards) => readAll(deps, shards),
    claim: (seen, ownerId, epoch, now) => claim(deps, seen, ownerId, epoch, now),
    renew: (lease, now) => renew(deps, lease, now),
    want: (lease, hostId) => want(deps, lease, hostId),
    offerTo: (lease, successor) => bequeath(deps, lease, successor),
    release: (lease) => release(deps, lease),
    beat: (beat) => writeBeat(deps, beat),
  }
}

async function readAll(table: ControlTable, shards: number): Promise<readonly Lease[]> {
  const numbers = Array.from({ length: shards }, (_, shard) => shard)
  const items = await batchGet(table, numbers.map(leaseRowKey))
  const byShard = new Map(items.map((item) => [shardOfLeaseRow(item), item]))
  return numbers.map((shard) => parseLease(shard, byShard.get(shard)))
}

/** A refused claim may be one that has landed and was sent again: the item tells. */
async function claim(
  table: ControlTable,
  seen: LeaseSeen,
  ownerId: string,
  epoch: number,
  now: number,
): Promise<Lease | undefined> {
  if (epoch <= seen.epoch) throw new Error(`A claim must raise the epoch: ${epoch} after ${seen.epoch}`)
  const claimed = await update(table, seen.shard, {
    UpdateExpression:
      'SET #epoch = :epoch, #version = :version, #owner = :owner, #renewedAt = :now REMOVE #wantedBy, #isLeaving',
    ...isAsSeen(seen),
    values: { ':epoch': epoch, ':version': seen.version + 1, ':owner': ownerId, ':now': now },
  })
  if (claimed !== 'refused') return claimed
  const current = await readLease(table, seen.shard)
  return current.ownerId === ownerId && current.epoch === epoch ? current : undefined
}

async function renew(table: ControlTable, lease: LeaseSeen, now: number): Promise<Lease | 'lost'> {
  const renewed = await update(table, lease.shard, {
    UpdateExpression: 'SET #renewedAt = :now ADD #version :one',
    ...isOwnedBy(lease),
    values: { ':now': now, ':one': 1 },
  })
  return renewed === 'refused' ? 'lost' : renewed
}

/** The last one to want a shard gets it: the one before may be dead. A lease that has moved on is not asked for. */
async function want(table: ControlTable, lease: LeaseSeen, hostId: string): Promise<void> {
  await update(table, lease.shard, {
    UpdateExpression: 'SET #wantedBy = :hostId',
    ...isOwnedBy(lease),
    values: { ':hostId': hostId },
  })
}

async function bequeath(table: ControlTable, lease: LeaseSeen, successor: string): Promise<void> {
  await update(table, lease.shard, {
    UpdateExpression: 'SET #wantedBy = :successor, #isLeaving = :true',
    ...isOwnedBy(lease),
    values: { ':successor': successor, ':true': true },
  })
}

/** Refused means that it is given up or taken already: there is nothing left to release. */
async function release(table: ControlTable, lease: LeaseSeen): Promise<void> {
  await update(table, lease.shard, {
    UpdateExpression: 'REMOVE #owner ADD #version :one',
    ...isOwnedBy(lease),
    values: { ':one': 1 },
  })
}

type LeaseUpdate = {
  readonly UpdateExpression: string
  readonly condition: string
  readonly seen: Readonly<Record<string, unknown>>
  readonly values: Readonly<Record<string, unknown>>
}

async function update({ client, table }: ControlTable, shard: number, write: LeaseUpdate): Promise<Lease | 'refused'> {
  const expressions = `${write.UpdateExpression} ${write.condition}`
  const used = Object.entries(names).filter(([placeholder]) => expressions.includes(placeholder))
  const command = new UpdateCommand({
    TableName: table,
    Key: leaseRowKey(shard),
    UpdateExpression: write.UpdateExpression,
    ConditionExpression: write.condition,
    ExpressionAttributeNames: Object.fromEntries(used),
    ExpressionAttributeValues: { ...write.values, ...write.seen },
    ReturnValues: 'ALL_NEW',
  })
  const answer = await unlessRefused(client.send(command))
  return answer === 'refused' ? answer : parseLease(shard, answer.Attributes)
}

const names = {
  '#epoch': 'epoch',
  '#version': 'version',
  '#owner': 'owner',
  '#renewedAt': 'renewedAt',
  '#wantedBy': 'wantedBy',
  '#isLeaving': 'isLeaving',
}

function isAsSeen({ epoch, version, ownerId }: LeaseSeen): Pick<LeaseUpdate, 'condition' | 'seen'> {
  if (epoch === 0) return { condition: 'attribute_not_exists(#epoch)', seen: {} }
  const owner = ownerId === undefined ? 'attribute_not_exists(#owner)' : '#owner = :seenOwner'
  return {
    condition: `#epoch = :seenEpoch AND #version = :seenVersion AND ${owner}`,
    seen: { ':seenEpoch': epoch, ':seenVersion': version, ...(ownerId !== undefined && { ':seenOwner': ownerId }) },
  }
}

/** Nobody owns a lease without an owner, so that its condition never holds. */
function isOwnedBy({ epoch, ownerId }: LeaseSeen): Pick<LeaseUpdate, 'condition' | 'seen'> {
  return {
    condition: '#owner = :seenOwner AND #epoch = :seenEpoch',
    seen: { ':seenOwner': ownerId ?? '', ':seenEpoch': epoch },
  }
}

async function writeBeat(
  { client, table, clock }: LeaseStoreDeps,
  { hostId, ...beat }: Parameters<LeaseStore['beat']>[0],
): Promise<void> {
  const now = clock()
  const ttl = Math.ceil((now + beatLifetimeMs) / 1000)
  const key = { [partitionKey]: hostKey(hostId), [sortKey]: beatSortKey }
  await client.send(new PutCommand({ TableName: table, Item: { ...key, ...beat, at: now, [ttlAttribute]: ttl } }))
}
