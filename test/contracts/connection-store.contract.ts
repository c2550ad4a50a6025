/** Contract of `ConnectionStore`. */
import { describe, expect, test } from 'vitest'
import type { Clock, Connection, ConnectionStore } from '#shared/ports.ts'

export type ConnectionStoreSetUp = {
  /** Makes a store without connections, with this limit per company. */
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
      expect(await store.add(connection)).toEqual([])
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

    test('above the limit the oldest is removed, whether or not its client is still there', async () => {
      let time = now
      const store = await make(() => time, 2)
      await store.add(aConnection('b', { connectedAt: now + minutes(1) }))
      await store.add(aConnection('a'))
      expect(await store.add(aConnection('c', { connectedAt: now + minutes(2) }))).toEqual([aConnection('a')])
      expect(await idsOf(store)).toEqual(['b', 'c'])
      await store.remove('company-1', 'b')
      expect(await store.add(aConnection('d', { connectedAt: now + minutes(60) }))).toEqual([])
      time = now + minutes(133)
      expect(await store.add(aConnection('e', { connectedAt: time }))).toEqual([])
      expect(await idsOf(store)).toEqual(['d', 'e'])
    })

    test('a connection that may not be open yet is removed only for a later one', async () => {
      const store = await make(() => now, 1)
      await store.add(aConnection('a'))
      expect(await store.add(aConnection('b', { connectedAt: now + 1_000 }))).toEqual([])
      const later = aConnection('c', { connectedAt: now + 60_000 })
      expect((await store.add(later)).map(({ connectionId }) => connectionId)).toEqual(['a', 'b'])
      expect(await store.list('company-1')).toEqual([later])
    })

    test('the same connection added twice counts once', async () => {
      const store = await make(() => now, 1)
      expect(await store.add(aConnection('a'))).toEqual([])
      expect(await store.add(aConnection('a'))).toEqual([])
      expect(await idsOf(store)).toEqual(['a'])
    })

    test('a company’s connections do not count for another company', async () => {
      const store = await make(() => now, 1)
      await store.add(aConnection('a'))
      expect(await store.add(aConnection('b', { companyId: 'company-2' }))).toEqual([])
      expect(await idsOf(store)).toEqual(['a'])
    })

    test('connections that come at once remove the same old ones, and none of themselves', async () => {
      const store = await make(() => now, 3)
      for (const id of ['old-1', 'old-2', 'old-3']) await store.add(aConnection(id, { connectedAt: now - minutes(5) }))
      const ids = ['new-1', 'new-2']
      const gone = await Promise.all(ids.map((id) => store.add(aConnection(id))))
      expect(new Set(gone.flat().map(({ connectionId }) => connectionId)).size).toBeLessThanOrEqual(2)
      expect(await idsOf(store)).toEqual([...ids, 'old-3'])
    })
  })
}
