import { expect, test } from 'vitest'
import { choosePlace } from '#shared/dynamo/clients/places.ts'
import { placeSortKey } from '#shared/dynamo/table.ts'
import type { Connection } from '#shared/ports.ts'

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

test('a limit that was lowered is reached with the next connection', () => {
  const chosen = choosePlace(settled(20), connection('new'), 3, 0)
  expect(chosen?.expelled).toHaveLength(18)
  expect(chosen?.place).toBe(placeSortKey(0))
})

test('places beyond a hundred have keys of their own', () => {
  expect(new Set(Array.from({ length: 2_000 }, (_, index) => placeSortKey(index))).size).toBe(2_000)
})
