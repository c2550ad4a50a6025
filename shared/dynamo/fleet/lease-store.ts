/**
 * `LeaseStore` on DynamoDB. Each operation is one conditional write on the shard's item `LEASE`:
 *
 *     operation  condition                             sets
 *     claim      epoch, version and owner are as seen  owner, epoch, version + 1, renewedAt;
 *                                                      removes wantedBy, isLeaving
 *     renew      owner and epoch are the caller's      version + 1, renewedAt
 *     want       owner and epoch are as seen           wantedBy
 *     nameSuccessor    owner and epoch are the caller's      wantedBy, isLeaving
 *     release    owner and epoch are the caller's      version + 1; removes owner
 *
 * A release keeps epoch and wantedBy: the host in wantedBy may claim the lease before others.
 */
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { LeaseSeen } from '#shared/domain/fleet/lease.ts'
import type { Clock, Lease, LeaseStore } from '#shared/ports.ts'
import { batchGet } from '../batch-get.ts'
import { unlessRefused } from '../conditional.ts'
import type { ControlTable } from '../shard-companies.ts'
import { heartbeatSortKey, hostKey, partitionKey, sortKey, ttlAttribute } from '../table.ts'
import { leaseRowKey, parseLease, readLease, shardOfLeaseRow } from './lease-row.ts'

export type LeaseStoreDeps = ControlTable & { readonly clock: Clock }

/** Time after which the heartbeat of a host that is gone expires. */
const heartbeatLifetimeMs = 24 * 3_600_000

export function dynamoLeaseStore(deps: LeaseStoreDeps): LeaseStore {
  return {
    readAll: (shards) => readAll(deps, shards),
    claim: (seen, ownerId, epoch, now) => claim(deps, seen, ownerId, epoch, now),
    renew: (lease, now) => renew(deps, lease, now),
    want: (lease, hostId) => want(deps, lease, hostId),
    nameSuccessor: (lease, successor) => nameSuccessor(deps, lease, successor),
    release: (lease) => release(deps, lease),
    writeHeartbeat: (heartbeat) => writeHeartbeat(deps, heartbeat),
  }
}

async function readAll(table: ControlTable, shards: number): Promise<readonly Lease[]> {
  const numbers = Array.from({ length: shards }, (_, shard) => shard)
  const items = await batchGet(table, numbers.map(leaseRowKey))
  const byShard = new Map(items.map((item) => [shardOfLeaseRow(item), item]))
  return numbers.map((shard) => parseLease(shard, byShard.get(shard)))
}

/** Claims a lease. If the SDK repeats a successful claim, the second one is refused: the item shows the owner. */
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

/** Replaces an earlier request, whose host may be dead. Refused when the lease has another owner or epoch by now. */
async function want(table: ControlTable, lease: LeaseSeen, hostId: string): Promise<void> {
  await update(table, lease.shard, {
    UpdateExpression: 'SET #wantedBy = :hostId',
    ...isOwnedBy(lease),
    values: { ':hostId': hostId },
  })
}

async function nameSuccessor(table: ControlTable, lease: LeaseSeen, successor: string): Promise<void> {
  await update(table, lease.shard, {
    UpdateExpression: 'SET #wantedBy = :successor, #isLeaving = :true',
    ...isOwnedBy(lease),
    values: { ':successor': successor, ':true': true },
  })
}

/** Releases a lease. A refused write means that it was released or taken already. */
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

/** Condition that the lease is unchanged; one of epoch 0 was never claimed. */
function isAsSeen({ epoch, version, ownerId }: LeaseSeen): Pick<LeaseUpdate, 'condition' | 'seen'> {
  if (epoch === 0) return { condition: 'attribute_not_exists(#epoch)', seen: {} }
  const owner = ownerId === undefined ? 'attribute_not_exists(#owner)' : '#owner = :seenOwner'
  return {
    condition: `#epoch = :seenEpoch AND #version = :seenVersion AND ${owner}`,
    seen: { ':seenEpoch': epoch, ':seenVersion': version, ...(ownerId !== undefined && { ':seenOwner': ownerId }) },
  }
}

/** Condition that the lease still has this owner and epoch; it never holds for one seen without an owner. */
function isOwnedBy({ epoch, ownerId }: LeaseSeen): Pick<LeaseUpdate, 'condition' | 'seen'> {
  return {
    condition: '#owner = :seenOwner AND #epoch = :seenEpoch',
    seen: { ':seenOwner': ownerId ?? '', ':seenEpoch': epoch },
  }
}

async function writeHeartbeat(
  { client, table, clock }: LeaseStoreDeps,
  { hostId, ...heartbeat }: Parameters<LeaseStore['writeHeartbeat']>[0],
): Promise<void> {
  const now = clock()
  const ttl = Math.ceil((now + heartbeatLifetimeMs) / 1000)
  const key = { [partitionKey]: hostKey(hostId), [sortKey]: heartbeatSortKey }
  await client.send(new PutCommand({ TableName: table, Item: { ...key, ...heartbeat, at: now, [ttlAttribute]: ttl } }))
}
