/**
 * `ConnectionStore` on DynamoDB: an item per place in the partition of a company (R34). A place has a fixed key and is
 * taken by a conditional write, so that connections that come at the same time cannot exceed the limit together.
 */
import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as v from 'valibot'
import { err, ok } from '#shared/domain/values/result.ts'
import type { Clock, Connection, ConnectionStore, ListedConnection } from '#shared/ports.ts'
import { unlessRefused } from '../conditional.ts'
import { queryItems } from '../items.ts'
import type { ControlTable } from '../shard-companies.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import {
  barSortKey,
  companyKey,
  connectionSortKeyPrefix,
  earlierConnectionSortKeyPrefix,
  partitionKey,
  sortKey,
  ttlAttribute,
} from '../table.ts'
import { choosePlace, maxTries, type PlaceChoice } from './places.ts'

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

const PlaceItem = v.object({
  [sortKey]: v.string(),
  /** Missing in the rows of earlier builds, which have it in their key. */
  connectionId: v.exactOptional(v.string()),
  /** One that only a newer build speaks must not keep a company's events from its other clients (R49a). */
  language: v.fallback(v.picklist(['ru', 'en']), 'ru'),
  connectedAt: v.number(),
  tokenExpiresAt: v.exactOptional(v.number()),
  /** Epoch seconds. */
  [ttlAttribute]: v.number(),
})

/** `until`: epoch ms. */
const BarItem = v.object({ until: v.number() })

/** The whole store, for `$connect`, which adds connections. */
export const dynamoConnectionStore = (deps: ConnectionStoreDeps): ConnectionStore => ({
  ...dynamoConnections(deps),
  add: (connection) => add(deps, connection),
})

/** The store without `add`, which alone needs the limit. */
export const dynamoConnections = (deps: ConnectionsDeps): Omit<ConnectionStore, 'add'> => ({
  bar: (companyId, until) => bar(deps, companyId, until),
  remove: (companyId, connectionId, place) => remove(deps, companyId, connectionId, place),
  list: (companyId) => list(deps, companyId),
})

async function add(deps: ConnectionStoreDeps, connection: Connection): ReturnType<ConnectionStore['add']> {
  for (let tries = 0; tries < maxTries; tries++) {
    const { held, barredUntil } = await read(deps, connection.companyId)
    if (isAmong(held, connection)) return ok([])
    if (deps.clock() < barredUntil) return err('barred')
    const choice = choosePlace(held, connection, deps.limit, tries)
    if (!choice) return err('no-place')
    if (!(await take(deps, connection, choice))) continue
    const others = choice.expelled.filter(({ place }) => place !== choice.place)
    await Promise.all(others.map((one) => freeIfReachable(deps, one)))
    return ok(choice.expelled)
  }
  return err('no-place')
}

const isAmong = (held: readonly Connection[], { connectionId }: Connection): boolean =>
  held.some((one) => one.connectionId === connectionId)

/** Takes the place, also from the connection that gives way. False when somebody else was quicker. */
async function take(deps: ConnectionsDeps, connection: Connection, choice: PlaceChoice): Promise<boolean> {
  try {
    return (await unlessRefused(deps.client.send(putCommand(deps, connection, choice)))) !== 'refused'
  } catch (error) {
    // If the write has arrived, the connection that gave way is no longer listed, and the caller has to close it.
    if (!(error instanceof StoreUnavailable) || choice.expelled.length === 0) throw error
    if (isAmong(await list(deps, connection.companyId), connection)) return true
    throw error
  }
}

function putCommand({ table, clock }: ConnectionsDeps, connection: Connection, { place, expelled }: PlaceChoice) {
  const { companyId, ...rest } = connection
  const formerId = expelled.find((one) => one.place === place)?.connectionId ?? connection.connectionId
  const ttl = Math.ceil((connection.connectedAt + connectionLifetimeMs) / 1000)
  return new PutCommand({
    TableName: table,
    Item: { ...rowKey(companyId, place), ...rest, [ttlAttribute]: ttl },
    // The last one is for a put that the SDK repeats because its answer was lost.
    ConditionExpression: 'attribute_not_exists(#pk) OR #ttl <= :now OR #id IN (:former, :own)',
    ExpressionAttributeNames: { '#pk': partitionKey, '#ttl': ttlAttribute, '#id': 'connectionId' },
    ExpressionAttributeValues: {
      ':now': Math.floor(clock() / 1000),
      ':former': formerId,
      ':own': connection.connectionId,
    },
  })
}

/**
 * A connection that stays listed is removed once a push finds it closed. A failure would leave others unlisted and
 * open: the caller closes only what `add` returns.
 */
async function freeIfReachable(deps: ConnectionsDeps, one: ListedConnection): Promise<void> {
  try {
    await free(deps, one.companyId, one.connectionId, one.place)
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
  }
}

async function remove(deps: ConnectionsDeps, companyId: string, connectionId: string, listed?: string): Promise<void> {
  const place = listed ?? (await list(deps, companyId)).find((one) => one.connectionId === connectionId)?.place
  if (place !== undefined) await free(deps, companyId, connectionId, place)
}

async function free(
  { client, table }: ConnectionsDeps,
  companyId: string,
  connectionId: string,
  place: string,
): Promise<void> {
  const command = new DeleteCommand({
    TableName: table,
    Key: rowKey(companyId, place),
    // The row of an earlier build has no id but in its key, and cannot be another connection's.
    ConditionExpression: 'attribute_not_exists(#id) OR #id = :id',
    ExpressionAttributeNames: { '#id': 'connectionId' },
    ExpressionAttributeValues: { ':id': connectionId },
  })
  await unlessRefused(client.send(command))
}

async function bar({ client, table }: ConnectionsDeps, companyId: string, until: number): Promise<void> {
  const command = new UpdateCommand({
    TableName: table,
    Key: rowKey(companyId, barSortKey),
    UpdateExpression: 'SET #until = :until, #ttl = :ttl',
    ExpressionAttributeNames: { '#until': 'until', '#ttl': ttlAttribute },
    ExpressionAttributeValues: { ':until': until, ':ttl': Math.ceil(until / 1000) },
  })
  await client.send(command)
}

async function list(deps: ConnectionsDeps, companyId: string): Promise<readonly ListedConnection[]> {
  return (await read(deps, companyId)).held
}

/** Reads one page, which has room for thousands of connections. */
async function read(
  deps: ConnectionsDeps,
  companyId: string,
): Promise<{ readonly held: readonly ListedConnection[]; readonly barredUntil: number }> {
  const { Items = [] } = await queryItems(deps, companyKey(companyId), connectionSortKeyPrefix)
  const bars = Items.filter((item) => item[sortKey] === barSortKey).map((item) => v.parse(BarItem, item).until)
  const held = Items.filter((item) => item[sortKey] !== barSortKey)
    .map((item) => v.parse(PlaceItem, item))
    .filter((item) => item.ttl * 1000 > deps.clock())
    .map(({ sk, ttl, connectionId = sk.slice(earlierConnectionSortKeyPrefix.length), ...rest }) => ({
      ...{ connectionId, companyId, place: sk },
      ...rest,
    }))
  return { held, barredUntil: Math.max(0, ...bars) }
}

const rowKey = (companyId: string, place: string) => ({
  [partitionKey]: companyKey(companyId),
  [sortKey]: place,
})
