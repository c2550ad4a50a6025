import { expect, test } from 'vitest'
import type { ConnectionsApi, Posted } from '#shared/aws/connections-api.ts'
import { answer, notice } from '#shared/domain/company/company.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { ConnectionStore } from '#shared/ports.ts'
import { connectionPublisher } from '#shared/push/publisher.ts'
import { memoryConnectionStore } from '../../fakes/memory-connection-store.ts'
import { recordingLog } from '../../fakes/recording-log.ts'

const now = Date.UTC(2026, 0, 1)
const companyId = 'company-1'
const news = [notice({ event: 'pairing-cancelled' as const }), notice({ event: 'whatsapp-connected' as const })]

async function setUp(
  posted: Readonly<Record<string, Posted>> = {},
  wrap: (store: ConnectionStore) => ConnectionStore = (store) => store,
  more: { readonly timeIsUp?: () => AbortSignal; readonly onPost?: (connectionId: string) => Promise<void> } = {},
) {
  const store = memoryConnectionStore(() => now)
  for (const connectionId of ['a', 'b', 'c'])
    await store.add({ connectionId, companyId, language: 'en', connectedAt: now - 30_000 })
  const sent: string[] = []
  const api: Pick<ConnectionsApi, 'post' | 'close'> = {
    async close(connectionId) {
      sent.push(`${connectionId} closed`)
      return 'sent'
    },
    async post(connectionId, text) {
      const { event, seq, requestId } = JSON.parse(text)
      await more.onPost?.(connectionId)
      sent.push([connectionId, event, seq, requestId].filter(Boolean).join(' '))
      return posted[connectionId] ?? 'sent'
    },
  }
  const log = recordingLog()
  const publisher = connectionPublisher({ connections: wrap(store), api, clock: () => now, log, ...more })
  const sentTo = (connectionId: string) => sent.filter((frame) => frame.startsWith(`${connectionId} `))
  return { publisher, store, sent, sentTo, log }
}

test('every connection of the company gets its frames, in order', async () => {
  const { publisher, sentTo } = await setUp()
  await publisher.publish(companyId, news, 8)
  for (const id of ['a', 'b', 'c']) {
    expect(sentTo(id)).toEqual([`${id} pairing-cancelled 7`, `${id} whatsapp-connected 8`])
  }
})

test('an answer goes only to the connection that waits for it', async () => {
  const { publisher, sent } = await setUp()
  const waiting = [{ connectionId: 'b', requestId: 'r1' }]
  await publisher.publish(companyId, [answer({ event: 'pairing-cancelled' }, waiting)], 3)
  expect(sent).toEqual(['b pairing-cancelled 3 r1'])
})

test('a connection that has its frames already is left out', async () => {
  const { publisher, sentTo } = await setUp()
  await publisher.publish(companyId, news, 2, 'b')
  expect([sentTo('a').length, sentTo('b').length, sentTo('c').length]).toEqual([2, 0, 2])
})

test('a connection whose token has ended hears of that, is closed and forgotten, and hears nothing else (R30)', async () => {
  const { publisher, store, sentTo } = await setUp()
  const old = { connectionId: 'd', companyId, language: 'en', connectedAt: now, tokenExpiresAt: now } as const
  await store.add(old)
  await store.add({ ...old, connectionId: 'e', tokenExpiresAt: now + 1 })
  await publisher.publish(companyId, news, 8)
  expect(sentTo('d')).toEqual(['d error', 'd closed'])
  expect(sentTo('e')).toHaveLength(2)
  expect((await store.list(companyId)).map(({ connectionId }) => connectionId)).toEqual(['a', 'b', 'c', 'e'])
})

test('another company hears nothing', async () => {
  const { publisher, sent } = await setUp()
  await publisher.publish('company-2', news, 2)
  expect(sent).toEqual([])
})

test('a connection that is gone is forgotten after its first frame; the others are served', async () => {
  const { publisher, store, sentTo, log } = await setUp({ b: 'gone' })
  await publisher.publish(companyId, news, 2)
  expect([sentTo('a').length, sentTo('b').length, sentTo('c').length]).toEqual([2, 1, 2])
  expect((await store.list(companyId)).map(({ connectionId }) => connectionId)).toEqual(['a', 'c'])
  expect(log.lines).toMatchObject([{ level: 'info', connectionId: 'b' }])
})

test('a frame that fails is logged, and the next one is tried', async () => {
  const { publisher, store, sentTo, log } = await setUp({ c: 'failed' })
  await publisher.publish(companyId, news, 2)
  expect(sentTo('c')).toHaveLength(2)
  expect(await store.list(companyId)).toHaveLength(3)
  expect(log.lines).toMatchObject([
    { level: 'warn', connectionId: 'c', seq: 1 },
    { level: 'warn', connectionId: 'c', seq: 2 },
  ])
})

const away = async () => {
  throw new StoreUnavailable('dynamodb', new Error('away'))
}

test('while the store is unavailable nothing is sent, and the caller gets no error', async () => {
  const { publisher, sent, log } = await setUp({}, (store) => ({ ...store, list: away }))
  await publisher.publish(companyId, news, 2)
  expect(sent).toEqual([])
  expect(log.lines).toMatchObject([{ level: 'error', companyId }])
})

test('a connection that cannot be forgotten now is forgotten another time', async () => {
  const { publisher, log } = await setUp({ a: 'gone' }, (store) => ({ ...store, remove: away }))
  await publisher.publish(companyId, news, 2)
  expect(log.lines.map(({ level }) => level)).toEqual(['info', 'warn'])
})

test('without notices the connections are not read', async () => {
  const { publisher, log } = await setUp({}, (store) => ({ ...store, list: away }))
  await publisher.publish(companyId, [], 2)
  expect(log.lines).toEqual([])
})

test('a connection that is not open yet is called gone, and hears of everything once it is', async () => {
  const { publisher, store } = await setUp({ late: 'gone' })
  await store.add({ connectionId: 'late', companyId, language: 'en', connectedAt: now - 29_999 })
  await publisher.publish(companyId, news, 2)
  expect((await store.list(companyId)).map(({ connectionId }) => connectionId)).toContain('late')
})

/** Adds connections `c0` to `c9` of different ages, the newest last, after the three of `setUp` have gone. */
async function addTen(store: ConnectionStore): Promise<readonly string[]> {
  for (const id of ['a', 'b', 'c']) await store.remove(companyId, id)
  const ids = Array.from({ length: 10 }, (_, index) => `c${index}`)
  for (const [index, connectionId] of ids.entries())
    await store.add({ connectionId, companyId, language: 'en', connectedAt: now - 100_000 + index })
  return ids
}

test('five connections are served at a time: those that wait for an answer, then the newest', async () => {
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const onPost = (connectionId: string) => {
    const gate = Promise.withResolvers<void>()
    gates.set(connectionId, gate)
    return gate.promise
  }
  const { publisher, store } = await setUp({}, undefined, { onPost })
  await addTen(store)
  const waiting = ['c1', 'c3'].map((connectionId) => ({ connectionId, requestId: 'r1' }))
  const published = publisher.publish(companyId, [notice({ event: 'pairing-cancelled' }, waiting)], 4)
  await expect.poll(() => [...gates.keys()]).toEqual(['c3', 'c1', 'c9', 'c8', 'c7'])
  gates.get('c8')?.resolve()
  await expect.poll(() => [...gates.keys()].at(-1)).toBe('c6')
  expect(gates.size).toBe(6)
  for (const served of [7, 8, 9, 10]) {
    gates.get([...gates.keys()].at(-1) ?? '')?.resolve()
    await expect.poll(() => gates.size).toBe(served)
  }
  expect([...gates.keys()].slice(6)).toEqual(['c5', 'c4', 'c2', 'c0'])
  for (const { resolve } of gates.values()) resolve()
  await published
})

test('when the time is up, the connections that are left are not tried, and a line says so for each', async () => {
  const time = new AbortController()
  const onPost = async () => {
    await Promise.resolve()
    time.abort()
  }
  const { publisher, store, sent, log } = await setUp({}, undefined, { onPost, timeIsUp: () => time.signal })
  await addTen(store)
  await publisher.publish(companyId, [notice({ event: 'pairing-cancelled' })], 1)
  expect(sent.map((frame) => frame.split(' ')[0])).toEqual(['c9', 'c8', 'c7', 'c6', 'c5'])
  expect(log.lines).toMatchObject(
    ['c4', 'c3', 'c2', 'c1', 'c0'].map((connectionId) => ({ level: 'warn', connectionId, seq: 1 })),
  )
})
