/** `ConnectionStore` on DynamoDB: one item per connection in its company's partition. */
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import type { Clock, Connection, ConnectionStore } from '#shared/ports.ts'
import { queryItems } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import {
  companyKey,
  connectionSortKey,
  connectionSortKeyPrefix,
  partitionKey,
  sortKey,
  ttlAttribute,
} from '../table.ts'

type ConnectionsDeps = ControlTable & { readonly clock: Clock }

export type ConnectionStoreDeps = ConnectionsDeps & {
  /** Connections a company may have at once (R34). */
  readonly limit: number
}

/** API Gateway ends a connection after two hours; the rest is for its clock and ours. `$disconnect` is best effort only. */
export const connectionLifetimeMs = (2 * 60 + 10) * 60_000

const ConnectionItem = v.object({
  [sortKey]: v.string(),
  language: v.picklist(['ru', 'en']),
  connectedAt: v.number(),
  tokenExpiresAt: v.exactOptional(v.number()),
  /** Epoch seconds. */
  [ttlAttribute]: v.number(),
})

/** For `$connect`, too, which adds. */
export const dynamoConnectionStore = (deps: ConnectionStoreDeps): ConnectionStore => ({
  ...dynamoConnections(deps),
  add: (connection) => add(deps, connection),
})

/** For whoever only tells connections something, and forgets those that are gone. */
export const dynamoConnections = (deps: ConnectionsDeps): Omit<ConnectionStore, 'add'> => ({
  remove: (companyId, connectionId) => remove(deps, companyId, connectionId),
  list: (companyId) => list(deps, companyId),
})

/** Adds first and counts then, so that connections that come at the same moment cannot exceed the limit together. */
async function add(deps: ConnectionStoreDeps, connection: Connection): Promise<readonly Connection[]> {
  const { companyId, connectionId, ...rest } = connection
  const ttl = Math.ceil((rest.connectedAt + connectionLifetimeMs) / 1000)
  const item = { ...rowKey(companyId, connectionId), ...rest, [ttlAttribute]: ttl }
  await deps.client.send(new PutCommand({ TableName: deps.table, Item: item }))
  const connections = await list(deps, companyId)
  const tooMany = givingWay(connections, connection, deps.limit)
  await Promise.all(tooMany.map((one) => remove(deps, companyId, one.connectionId)))
  return tooMany
}

const settledMs = 30_000

/**
 * A connection that is younger may not have been opened yet: API Gateway calls it gone until `$connect` has answered, and it
 * would open although it is not listed any more.
 */
export const isSettled = ({ connectedAt }: Pick<Connection, 'connectedAt'>, now: number): boolean =>
  now - connectedAt >= settledMs

/**
 * Who gives way to a new connection: the oldest above the limit. All that come at the same moment name the same ones; those
 * that are too young to give way do so to the next.
 */
export const givingWay = (connections: readonly Connection[], { connectedAt }: Connection, limit: number) =>
  connections
    .toSorted((a, b) => a.connectedAt - b.connectedAt || (a.connectionId < b.connectionId ? -1 : 1))
    .slice(0, Math.max(0, connections.length - limit))
    .filter((one) => isSettled(one, connectedAt))

async function remove(deps: ConnectionsDeps, companyId: string, connectionId: string): Promise<void> {
  await deps.client.send(new DeleteCommand({ TableName: deps.table, Key: rowKey(companyId, connectionId) }))
}

/** One page holds thousands of connections, far more than any limit lets in. */
async function list(deps: ConnectionsDeps, companyId: string): Promise<readonly Connection[]> {
  const found = await queryItems(deps, companyKey(companyId), connectionSortKeyPrefix)
  return (found.Items ?? [])
    .map((item) => v.parse(ConnectionItem, item))
    .filter((item) => item.ttl * 1000 > deps.clock())
    .map(({ sk, ttl, ...rest }) => ({ connectionId: sk.slice(connectionSortKeyPrefix.length), companyId, ...rest }))
}

const rowKey = (companyId: string, connectionId: string) => ({
  [partitionKey]: companyKey(companyId),
  [sortKey]: connectionSortKey(connectionId),
})
