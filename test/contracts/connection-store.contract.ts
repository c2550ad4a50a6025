/** What every connection store keeps. */
import { describe, expect, test } from 'vitest'
import type { Clock, Connection, ConnectionStore } from '#shared/ports.ts'

export type ConnectionStoreSetUp = {
  /** A store without connections that lets this many in per company. */
  make(clock: Clock, limit: number): Promise<ConnectionStore>
}

const now = Date.UTC(2026, 0, 1)
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

export function describeConnectionStore({ make }: ConnectionStoreSetUp): void {
  describe('connection store', () => {
    test('a connection is listed as it was added', async () => {
      const store = await make(() => now, 10)
      const connection = aConnection('XfGLwfj9DoECFsg=', { language: 'en' })
      expect(await store.add(connection)).toBe('added')
      expect(await store.list('company-1')).toEqual([connection])
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
      await store.add(aConnection('a'))
      await store.add(aConnection('b'))
      await store.remove('company-1', 'a')
      await store.remove('company-1', 'a')
      expect(await idsOf(store)).toEqual(['b'])
    })

    test('a connection is not shown after two hours and ten minutes, however late it is deleted', async () => {
      let time = now
      const store = await make(() => time, 10)
      await store.add(aConnection('a'))
      time = now + minutes(129)
      expect(await idsOf(store)).toEqual(['a'])
      time = now + minutes(131)
      expect(await idsOf(store)).toEqual([])
    })

    test('above the limit a connection is refused, until another one goes or expires', async () => {
      let time = now
      const store = await make(() => time, 2)
      expect(await store.add(aConnection('a'))).toBe('added')
      expect(await store.add(aConnection('b', { connectedAt: now + minutes(60) }))).toBe('added')
      expect(await store.add(aConnection('c'))).toBe('tooMany')
      expect(await idsOf(store)).toEqual(['a', 'b'])
      await store.remove('company-1', 'b')
      expect(await store.add(aConnection('d', { connectedAt: now + minutes(60) }))).toBe('added')
      time = now + minutes(131)
      expect(await store.add(aConnection('e', { connectedAt: time }))).toBe('added')
      expect(await idsOf(store)).toEqual(['d', 'e'])
    })

    test('the same connection added twice counts once', async () => {
      const store = await make(() => now, 1)
      expect(await store.add(aConnection('a'))).toBe('added')
      expect(await store.add(aConnection('a'))).toBe('added')
      expect(await idsOf(store)).toEqual(['a'])
    })

    test('connections that come at once cannot exceed the limit together', async () => {
      const store = await make(() => now, 3)
      const ids = Array.from({ length: 10 }, (_, index) => `connection-${index}`)
      const added = await Promise.all(ids.map((id) => store.add(aConnection(id))))
      const kept = ids.filter((_, index) => added[index] === 'added')
      expect(kept.length).toBeLessThanOrEqual(3)
      expect(await idsOf(store)).toEqual(kept.toSorted())
    })
  })
}
