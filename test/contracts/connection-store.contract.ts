/** Contract of `ConnectionStore` (R34). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Clock, Connection, ConnectionStore } from '#shared/ports.ts'

export type ConnectionStoreSetUp = {
  /** Makes a store without connections, with this limit per company. */
  make(clock: Clock, limit: number): Promise<ConnectionStore>
  /** Random walks. */
  readonly runs: number
}

const now = Date.UTC(2026, 0, 1)
const seconds = (count: number) => count * 1_000
const minutes = (count: number) => count * 60_000
const aConnection = (connectionId: string, overrides: Partial<Connection> = {}): Connection => ({
  connectionId,
  companyId: 'company-1',
  language: 'ru',
  connectedAt: now,
  ...overrides,
})
const idsOf = async (store: ConnectionStore, companyId = 'company-1') =>
  (await store.list(companyId)).map(({ connectionId }) => connectionId).toSorted()

/** Adds connections one after the other, each of which gets a place. */
async function addAll(store: ConnectionStore, ids: readonly string[], connectedAt: number): Promise<void> {
  for (const id of ids) expect(await store.add(aConnection(id, { connectedAt }))).toEqual({ ok: true, value: [] })
}
/** Ids of the connections that gave way for this one. */
async function expelledBy(store: ConnectionStore, connection: Connection): Promise<readonly string[]> {
  const added = await store.add(connection)
  if (!added.ok) throw new Error('There was no place')
  return added.value.map(({ connectionId }) => connectionId)
}

export function describeConnectionStore({ make, runs }: ConnectionStoreSetUp): void {
  describe('connection store', () => {
    test('a connection is listed as it was added', async () => {
      const store = await make(() => now, 10)
      const connection = aConnection('XfGLwfj9DoECFsg=', { language: 'en', tokenExpiresAt: now + minutes(60) })
      expect(await store.add(connection)).toEqual({ ok: true, value: [] })
      expect(await store.list('company-1')).toEqual([{ ...connection, place: expect.any(String) }])
    })

    test('a company has its own connections only', async () => {
      const store = await make(() => now, 10)
      await store.add(aConnection('a'))
      await store.add(aConnection('b', { companyId: 'company-2' }))
      await store.add(aConnection('c', { companyId: 'company-1#CONN#' }))
      expect(await idsOf(store)).toEqual(['a'])
    })

    test('a removed connection is gone, and removing it again does no harm', async () => {
      const store = await make(() => now, 10)
      await addAll(store, ['a', 'b', 'c'], now)
      const place = (await store.list('company-1')).find(({ connectionId }) => connectionId === 'c')?.place
      for (let times = 0; times < 2; times++) {
        await store.remove('company-1', 'a')
        await store.remove('company-1', 'c', place)
        expect(await idsOf(store)).toEqual(['b'])
      }
    })

    test('a connection that has lost its place to another one frees nothing', async () => {
      const store = await make(() => now, 1)
      await store.add(aConnection('a', { connectedAt: now - minutes(1) }))
      const [a] = await store.list('company-1')
      expect(await expelledBy(store, aConnection('b'))).toEqual(['a'])
      await store.remove('company-1', 'a')
      await store.remove('company-1', 'a', a?.place)
      expect(await idsOf(store)).toEqual(['b'])
    })

    test('a connection is not shown after two hours and ten minutes, and its place is free, however late it is deleted', async () => {
      let time = now
      const store = await make(() => time, 1)
      await store.add(aConnection('a'))
      time = now + minutes(129)
      expect(await idsOf(store)).toEqual(['a'])
      time = now + minutes(131)
      expect(await idsOf(store)).toEqual([])
      await addAll(store, ['b'], time)
      expect(await idsOf(store)).toEqual(['b'])
    })

    test('at the limit the oldest gives way, whether or not its client is still there', async () => {
      const store = await make(() => now, 2)
      await addAll(store, ['b'], now + minutes(1))
      await addAll(store, ['a'], now)
      expect(await expelledBy(store, aConnection('c', { connectedAt: now + minutes(2) }))).toEqual(['a'])
      expect(await idsOf(store)).toEqual(['b', 'c'])
      await store.remove('company-1', 'b')
      await addAll(store, ['d'], now + minutes(60))
      expect(await idsOf(store)).toEqual(['c', 'd'])
    })

    test('those whose token has expired give way before older ones', async () => {
      const store = await make(() => now, 2)
      await store.add(aConnection('valid', { tokenExpiresAt: now + minutes(60) }))
      await store.add(aConnection('expired', { connectedAt: now + minutes(1), tokenExpiresAt: now + minutes(2) }))
      expect(await expelledBy(store, aConnection('new', { connectedAt: now + minutes(2) }))).toEqual(['expired'])
    })

    test('one that may not be open yet gives way only to a later one; until then there are twice as many places', async () => {
      const store = await make(() => now, 2)
      await addAll(store, ['a', 'b', 'c', 'd'], now)
      const early = aConnection('e', { connectedAt: now + seconds(29.999) })
      expect(await store.add(early)).toEqual({ ok: false, error: 'no-place' })
      expect(await idsOf(store)).toEqual(['a', 'b', 'c', 'd'])
      expect(await expelledBy(store, aConnection('f', { connectedAt: now + seconds(30) }))).toEqual(['a', 'b', 'c'])
      expect(await idsOf(store)).toEqual(['d', 'f'])
    })

    test('as many give way as can be closed', async () => {
      const store = await make(() => now, 2)
      await addAll(store, ['old'], now)
      await addAll(store, ['a'], now + seconds(29))
      await addAll(store, ['b', 'c'], now + seconds(29.5))
      expect(await expelledBy(store, aConnection('d', { connectedAt: now + seconds(31) }))).toEqual(['old'])
      expect(await idsOf(store)).toEqual(['a', 'b', 'c', 'd'])
    })

    test('the same connection added twice counts once', async () => {
      const store = await make(() => now, 1)
      await addAll(store, ['a', 'a', 'a'], now)
      expect(await idsOf(store)).toEqual(['a'])
    })

    test('a company’s connections do not count for another company', async () => {
      const store = await make(() => now, 1)
      await store.add(aConnection('a'))
      await store.add(aConnection('b', { companyId: 'company-2' }))
      await store.add(aConnection('c', { companyId: 'company-2' }))
      expect(await store.add(aConnection('d', { companyId: 'company-2' }))).toMatchObject({ ok: false })
      expect(await idsOf(store)).toEqual(['a'])
    })

    test('a company that is barred gets no new connections until then, and keeps those that it has', async () => {
      let time = now
      const store = await make(() => time, 2)
      await addAll(store, ['a'], now)
      await store.bar('company-1', now + seconds(10))
      await store.bar('company-1', now + seconds(30))
      time = now + seconds(30) - 1
      expect(await store.add(aConnection('b'))).toEqual({ ok: false, error: 'barred' })
      expect(await store.add(aConnection('a'))).toEqual({ ok: true, value: [] })
      expect(await idsOf(store)).toEqual(['a'])
      await store.add(aConnection('c', { companyId: 'company-2' }))
      expect(await idsOf(store, 'company-2')).toEqual(['c'])
      time = now + seconds(30)
      await addAll(store, ['b'], now)
      expect(await idsOf(store)).toEqual(['a', 'b'])
    })

    test('connections that come at once take the places of different old ones', async () => {
      const store = await make(() => now, 3)
      for (const [index, id] of ['old-1', 'old-2', 'old-3'].entries())
        await addAll(store, [id], now - minutes(5) + index)
      const ids = ['new-1', 'new-2']
      const gone = await Promise.all(ids.map((id) => expelledBy(store, aConnection(id))))
      expect(gone.flat().toSorted()).toEqual(['old-1', 'old-2'])
      expect(await idsOf(store)).toEqual([...ids, 'old-3'])
    })

    test('of thirty connections that come at once six have a place, where three are the limit', async () => {
      const store = await make(() => now, 3)
      const ids = Array.from({ length: 30 }, (_, index) => `c${index}`)
      const added = await Promise.all(ids.map(async (id) => ((await store.add(aConnection(id))).ok ? [id] : [])))
      expect(await idsOf(store)).toEqual(added.flat().toSorted())
      expect(added.flat()).toHaveLength(6)
    })

    test('places are kept, and freed by their holders only, whatever comes at the same time', async () => {
      await fc.assert(
        fc.asyncProperty(limits, fc.array(moment, { maxLength: 8 }), async (limit, moments) => {
          await walk(await make(() => now, limit), limit, moments)
        }),
        { numRuns: runs },
      )
    })
  })
}

const limits = fc.integer({ min: 1, max: 3 })
/** Events at the same time. A number names the connection that was opened as that one; its end may be reported late. */
const moment = fc.record({
  afterMs: fc.constantFrom(0, seconds(10), seconds(30)),
  opened: fc.integer({ min: 0, max: 6 }),
  ended: fc.array(fc.nat({ max: 20 }), { maxLength: 3 }),
  foundGone: fc.array(fc.nat({ max: 20 }), { maxLength: 2 }),
})
type Moment = typeof moment extends fc.Arbitrary<infer M> ? M : never

/** Connections of a walk: those that should be listed, and every one with its place. */
type Seen = { readonly live: Map<string, Connection>; readonly places: Map<string, string>; opened: number }

async function walk(store: ConnectionStore, limit: number, moments: readonly Moment[]): Promise<void> {
  const seen: Seen = { live: new Map(), places: new Map(), opened: 0 }
  let time = now
  for (const { afterMs, ...events } of moments) {
    time += afterMs
    const refused = await atOnce(store, seen, events, time)
    const listed = await store.list('company-1')
    if (refused > 0 && events.ended.length + events.foundGone.length === 0) expect(listed).toHaveLength(2 * limit)
    expect(listed.length).toBeLessThanOrEqual(2 * limit)
    expect(listed.map(({ connectionId }) => connectionId).toSorted()).toEqual([...seen.live.keys()].toSorted())
    for (const { connectionId, place } of listed) seen.places.set(connectionId, place)
  }
  // All are settled now.
  await atOnce(store, seen, { opened: 1, ended: [], foundGone: [] }, time + seconds(30))
  expect([...seen.live.keys()]).toContain(`c${seen.opened - 1}`)
  expect((await idsOf(store)).length).toBeLessThanOrEqual(limit)
}

/** Returns the number of connections that have got no place. */
async function atOnce(
  store: ConnectionStore,
  seen: Seen,
  { opened, ended, foundGone }: Omit<Moment, 'afterMs'>,
  connectedAt: number,
): Promise<number> {
  const connections = Array.from({ length: opened }, (_, index) =>
    aConnection(`c${seen.opened + index}`, { connectedAt }),
  )
  seen.opened += opened
  const { live, places } = seen
  const former = (numbers: readonly number[]) => numbers.map((n) => `c${n}`).filter((id) => places.has(id))
  const gone = [...former(ended), ...former(foundGone)]
  const [added] = await Promise.all([
    Promise.all(connections.map((connection) => store.add(connection))),
    ...former(ended).map((id) => store.remove('company-1', id)),
    ...former(foundGone).map((id) => store.remove('company-1', id, places.get(id))),
  ])
  for (const [index, result] of added.entries()) {
    const connection = connections[index]
    if (result.ok && connection) live.set(connection.connectionId, connection)
  }
  for (const result of added) if (result.ok) for (const { connectionId } of result.value) live.delete(connectionId)
  for (const id of gone) live.delete(id)
  return added.filter(({ ok }) => !ok).length
}
