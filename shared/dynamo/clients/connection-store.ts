/** `ConnectionStore` on DynamoDB: one item per connection in its company's partition. */
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import type { Clock, Connection, ConnectionStore } from '#shared/ports.ts'
import { queryItems } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
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
  /** Limit of a company's connections (R34). */
  readonly limit: number
}

/**
 * Time after which a connection is no longer listed, since `$disconnect` is best effort only: API Gateway ends it after
 * two hours, and the rest allows for clocks that differ.
 */
export const connectionLifetimeMs = (2 * 60 + 10) * 60_000

const ConnectionItem = v.object({
  [sortKey]: v.string(),
  /** One that only a newer build speaks must not keep a company's events from its other clients (R49a). */
  language: v.fallback(v.picklist(['ru', 'en']), 'ru'),
  connectedAt: v.number(),
  tokenExpiresAt: v.exactOptional(v.number()),
  /** Epoch seconds. */
  [ttlAttribute]: v.number(),
})

/** The whole store, for `$connect`, which adds connections. */
export const dynamoConnectionStore = (deps: ConnectionStoreDeps): ConnectionStore => ({
  ...dynamoConnections(deps),
  add: (connection) => add(deps, connection),
})

/** The store without `add`, for publishers, which list connections and remove those that are gone. */
export const dynamoConnections = (deps: ConnectionsDeps): Omit<ConnectionStore, 'add'> => ({
  remove: (companyId, connectionId) => remove(deps, companyId, connectionId),
  list: (companyId) => list(deps, companyId),
})

/** Adds before it counts, so that connections opened at the same time cannot exceed the limit together. */
async function add(deps: ConnectionStoreDeps, connection: Connection): Promise<readonly Connection[]> {
  const { companyId, connectionId, ...rest } = connection
  const ttl = Math.ceil((rest.connectedAt + connectionLifetimeMs) / 1000)
  const item = { ...rowKey(companyId, connectionId), ...rest, [ttlAttribute]: ttl }
  await deps.client.send(new PutCommand({ TableName: deps.table, Item: item }))
  const connections = await list(deps, companyId)
  const removed = connectionsOverLimit(connections, connection, deps.limit)
  await Promise.all(removed.map((one) => removeIfReachable(deps, companyId, one.connectionId)))
  return removed
}

/**
 * A connection that stays listed is removed once a push finds it closed. A failure would leave others unlisted and open:
 * the caller closes only what `add` returns.
 */
async function removeIfReachable(deps: ConnectionsDeps, companyId: string, connectionId: string): Promise<void> {
  try {
    await remove(deps, companyId, connectionId)
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
  }
}

const settledMs = 30_000

/**
 * True when the connection (`connectedAt` in epoch ms) is old enough to be open. API Gateway reports a younger one as
 * gone until `$connect` has answered; if it were removed, it would still open, unlisted.
 */
export const isSettled = ({ connectedAt }: Pick<Connection, 'connectedAt'>, now: number): boolean =>
  now - connectedAt >= settledMs

/**
 * Returns the connections to remove for a new one: the oldest above the limit, except those that are too young.
 * Connections that come at the same time get the same answer. Those that were too young are removed for a later
 * connection.
 */
export const connectionsOverLimit = (connections: readonly Connection[], { connectedAt }: Connection, limit: number) =>
  connections
    .toSorted((a, b) => a.connectedAt - b.connectedAt || (a.connectionId < b.connectionId ? -1 : 1))
    .slice(0, Math.max(0, connections.length - limit))
    .filter((one) => isSettled(one, connectedAt))

async function remove(deps: ConnectionsDeps, companyId: string, connectionId: string): Promise<void> {
  await deps.client.send(new DeleteCommand({ TableName: deps.table, Key: rowKey(companyId, connectionId) }))
}

/** Lists one page, which has room for thousands of connections, far more than the limit. */
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
