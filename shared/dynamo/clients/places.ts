/** Choice of the place that a new connection takes among those of its company (R34). */
import { createHash } from 'node:crypto'
import type { Connection, ListedConnection } from '#shared/ports.ts'
import { maxTimesLimit, placeSortKey, placeSortKeyPrefix } from '../table.ts'

const settledMs = 30_000

/**
 * Limit of choices after which somebody else was quicker. Of any number of connections that read and write in step, nobody
 * needs more than nine to have a place or to see that there is none.
 */
export const maxTries = 12

/**
 * True when the connection (`connectedAt` in epoch ms) is old enough to be open. API Gateway reports a younger one as
 * gone until `$connect` has answered; if it were removed, it would still open, unlisted.
 */
export const isSettled = ({ connectedAt }: Pick<Connection, 'connectedAt'>, now: number): boolean =>
  now - connectedAt >= settledMs

export type PlaceChoice = {
  /** Sort key of the place to take: it is free, or one of `expelled` holds it. */
  readonly place: string
  /** Connections that give way. Their rows are to be deleted, except the one that is taken. */
  readonly expelled: readonly ListedConnection[]
}

/**
 * Chooses a place for `connection` in a company that holds these connections, or returns undefined when there is none.
 * `tries` counts the choices before, in which others were quicker: connections that come at the same time choose
 * different places, so that not all but one of them lose each time.
 */
export function choosePlace(
  held: readonly ListedConnection[],
  connection: Connection,
  limit: number,
  tries: number,
): PlaceChoice | undefined {
  const oneOf = <T>(some: readonly T[]): T | undefined =>
    some[spread(`${connection.connectionId} ${tries}`, some.length)]
  const excess = held.length + 1 - limit
  if (excess <= 0) return withPlace(oneOf(freePlaces(held, limit)), [])
  const leaving = mayLeave(held, connection.connectedAt)
  const first = oneOf(leaving.slice(0, 2 ** Math.max(0, tries - 1)))
  const others = leaving.filter((one) => one !== first).slice(0, excess - 1)
  const expelled = first ? [first, ...others] : []
  if (held.length - expelled.length >= maxTimesLimit * limit) return undefined
  // The rows of an earlier build are no places.
  const taken = expelled.find(({ place }) => place.startsWith(placeSortKeyPrefix))?.place
  return withPlace(taken ?? oneOf(freePlaces(held, maxTimesLimit * limit)), expelled)
}

const withPlace = (place: string | undefined, expelled: readonly ListedConnection[]): PlaceChoice | undefined =>
  place === undefined ? undefined : { place, expelled }

/** Returns the free places among the first `count` ones. */
function freePlaces(held: readonly ListedConnection[], count: number): readonly string[] {
  const taken = new Set(held.map(({ place }) => place))
  return Array.from({ length: count }, (_, index) => placeSortKey(index)).filter((place) => !taken.has(place))
}

/** Returns the connections that can be closed, in the order in which they give way. */
function mayLeave(held: readonly ListedConnection[], now: number): readonly ListedConnection[] {
  const validity = ({ tokenExpiresAt }: Connection) => (tokenExpiresAt !== undefined && tokenExpiresAt <= now ? 0 : 1)
  return held
    .filter((one) => isSettled(one, now))
    .toSorted(
      (a, b) =>
        validity(a) - validity(b) || a.connectedAt - b.connectedAt || (a.connectionId < b.connectionId ? -1 : 1),
    )
}

/** Returns a number below `count` that is always the same for a text, and as likely as any other. */
const spread = (text: string, count: number): number =>
  count === 0 ? 0 : createHash('sha256').update(text).digest().readUInt32BE() % count
