import { expect, test } from 'vitest'
import { choosePlace, maxTries } from '#shared/dynamo/clients/places.ts'
import { placeSortKey } from '#shared/dynamo/table.ts'
import type { Connection, ListedConnection } from '#shared/ports.ts'

const now = Date.UTC(2026, 0, 1)
const connection = (connectionId: string, connectedAt = now): Connection => ({
  ...{ connectionId, companyId: 'c1', language: 'ru', connectedAt },
})
/** Connections in the places from 0; each is a second older than the one after it, and all can be closed. */
const settled = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    ...connection(`old-${index}`, now - 100_000 + index * 1_000),
    place: placeSortKey(index),
  }))
const ids = Array.from({ length: 200 }, (_, index) => `new-${index}`)
const placesOf = (held: Parameters<typeof choosePlace>[0], tries: number) =>
  new Set(ids.map((id) => choosePlace(held, connection(id), 10, tries)?.place))

test('new connections spread over all free places', () => {
  expect(placesOf([], 0)).toEqual(new Set(Array.from({ length: 10 }, (_, index) => placeSortKey(index))))
  expect(placesOf(settled(7), 0)).toEqual(new Set([7, 8, 9].map(placeSortKey)))
})

test('a connection chooses the same place each time, and another one after it has lost', () => {
  const choose = (tries: number) => choosePlace([], connection('new'), 10, tries)?.place
  expect(choose(0)).toBe(choose(0))
  expect(new Set(Array.from({ length: 10 }, (_, tries) => choose(tries))).size).toBeGreaterThan(3)
})

test('the oldest gives way first; those who lose again and again spread over the next ones', () => {
  const sizes = [0, 1, 2, 3, 4, 5].map((tries) => placesOf(settled(10), tries).size)
  expect(sizes).toEqual([1, 1, 2, 4, 8, 10])
  expect(placesOf(settled(10), 0)).toEqual(new Set([placeSortKey(0)]))
})

/** Gives places to connections that all read, and then all write, until each has one or sees that there is none. */
function inStep(before: readonly ListedConnection[], coming: readonly Connection[]) {
  const held = new Map(before.map((one) => [one.place, one]))
  let left = coming
  let rounds = 0
  for (; left.length > 0; rounds++) {
    const seen = [...held.values()]
    left = left.filter((one) => {
      const choice = choosePlace(seen, one, 10, rounds)
      if (!choice) return false
      const holder = held.get(choice.place)
      const isAsSeen = !holder || choice.expelled.includes(holder)
      if (isAsSeen) held.set(choice.place, { ...one, place: choice.place })
      return !isAsSeen
    })
  }
  return { held: held.size, rounds }
}

test.each([0, 5, 10])('beside %i old connections, everybody has a place before anybody gives up', (old) => {
  for (const count of [20, 50, 200]) {
    const { held, rounds } = inStep(
      settled(old),
      ids.slice(0, count).map((id) => connection(id)),
    )
    expect(held).toBe(20)
    expect(rounds).toBeLessThanOrEqual(maxTries)
  }
})

test('a limit that was lowered is reached with the next connection', () => {
  const chosen = choosePlace(settled(20), connection('new'), 3, 0)
  expect(chosen?.expelled).toHaveLength(18)
  expect(chosen?.place).toBe(placeSortKey(0))
})

test('places beyond a hundred have keys of their own', () => {
  expect(new Set(Array.from({ length: 2_000 }, (_, index) => placeSortKey(index))).size).toBe(2_000)
})
