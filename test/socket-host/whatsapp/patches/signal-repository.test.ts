/** Tests of Baileys' own Signal repository as sockets use it: what it keeps of an address book, and what it asks. */
import { createHook } from 'node:async_hooks'
import {
  addTransactionCapability,
  DEFAULT_CONNECTION_CONFIG,
  initAuthCreds,
  type LIDMapping,
  type SignalKeyStore,
} from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { boundedRepository, maxMappings, maxPairs } from '../../../../socket-host/whatsapp/patches/signal-repository.ts'
import { fakeClock } from '../../../fakes/fake-clock.ts'
import { silentLogger } from '../../../fakes/silent-logger.ts'

/** Keys in memory, with the types of all reads and the number of values in each write. */
function memoryKeys() {
  const values = new Map<string, unknown>()
  const reads: string[] = []
  const writes: number[] = []
  const keys = {
    async get(type: string, ids: string[]) {
      reads.push(type)
      return Object.fromEntries(ids.map((id) => [id, values.get(`${type}/${id}`)]))
    },
    async set(data: object) {
      const entries = Object.entries(data).flatMap(([type, byId]) =>
        Object.entries(byId).map(([id, value]) => [`${type}/${id}`, value] as const),
      )
      writes.push(entries.length)
      for (const [key, value] of entries) values.set(key, value)
    },
  }
  return { keys: keys as unknown as SignalKeyStore, reads, writes }
}

function start(find: (numbers: string[]) => Promise<LIDMapping[]> = async () => []) {
  const clock = fakeClock()
  const { keys, reads, writes } = memoryKeys()
  const asked: string[][] = []
  const transactional = addTransactionCapability(keys, silentLogger, { maxCommitRetries: 1, delayBetweenTriesMs: 1 })
  const repository = boundedRepository(DEFAULT_CONNECTION_CONFIG.makeSignalRepository, clock)(
    { creds: initAuthCreds(), keys: transactional },
    silentLogger,
    (numbers) => {
      asked.push(numbers)
      return find(numbers)
    },
  )
  return { clock, repository, lidMapping: repository.lidMapping, keys: transactional, reads, writes, asked }
}

/** Counts the timers that `work` starts. Node's list of active resources leaves out those that do not keep it running. */
async function timersStartedBy(work: () => Promise<unknown>): Promise<number> {
  let count = 0
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'Timeout') count += 1
    },
  }).enable()
  await work()
  hook.disable()
  return count
}

const contact = (index: number): LIDMapping => ({
  pn: `${79_000_000_000 + index}@s.whatsapp.net`,
  lid: `${200_000_000_000_000 + index}@lid`,
})

test('10,000 contacts leave no more than the limit in memory, and no timer', async () => {
  const { repository, lidMapping } = start()
  const contacts = Array.from({ length: 10_000 }, (_, index) => contact(index))
  const started = await timersStartedBy(async () => {
    for (const each of contacts) await lidMapping.storeLIDPNMappings([each])
    for (const { pn, lid } of contacts) {
      expect(await lidMapping.getPNForLID(lid)).toBe(pn.replace('@', ':0@'))
      await repository.migrateSession(pn, lid)
    }
  })
  expect(started).toBe(0)
  expect(Reflect.get(lidMapping, 'mappingCache').size).toBe(maxMappings)
  repository.close?.()
  expect(Reflect.get(lidMapping, 'mappingCache').size).toBe(0)
  expect(await lidMapping.getLIDForPN(contact(9_999).pn)).toBe(contact(9_999).lid)
})

test('WhatsApp is asked once an hour for the LID of a number that has none', async () => {
  const { clock, lidMapping, asked } = start()
  const { pn } = contact(1)
  expect(await lidMapping.getLIDForPN(pn)).toBeNull()
  expect(await lidMapping.getLIDForPN(pn)).toBeNull()
  expect(asked).toEqual([[pn]])
  await clock.advance(3_600_000)
  await lidMapping.getLIDForPN(pn)
  expect(asked).toHaveLength(2)
})

test('a LID that WhatsApp knows is asked for once and stored', async () => {
  const { lidMapping, asked, writes } = start(async () => [contact(1)])
  expect(await lidMapping.getLIDForPN(contact(1).pn)).toBe(contact(1).lid)
  expect(await lidMapping.getLIDForPN(contact(1).pn)).toBe(contact(1).lid)
  expect(asked).toHaveLength(1)
  expect(writes).toEqual([2])
})

test('a message waits five seconds for an answer that does not come', async () => {
  const { clock, lidMapping } = start(() => new Promise(() => {}))
  let found: unknown = 'nothing yet'
  void lidMapping.getLIDForPN(contact(1).pn).then((lid) => {
    found = lid
  })
  await clock.advance(4999)
  expect(found).toBe('nothing yet')
  await clock.advance(1)
  await clock.settle()
  expect(found).toBeNull()
})

test('sessions of a contact are moved to the LID once, and looked for once', async () => {
  const { repository, lidMapping, reads } = start()
  const { pn, lid } = contact(1)
  await lidMapping.storeLIDPNMappings([contact(1)])
  const before = reads.length
  await repository.migrateSession(pn, lid)
  await repository.migrateSession(pn, lid)
  expect(reads.slice(before)).toEqual(['device-list', 'session'])
})

test('Baileys still keeps every mapping, with a timer for each: if not, the cache can be its own again', async () => {
  const { keys } = memoryKeys()
  const transactional = addTransactionCapability(keys, silentLogger, { maxCommitRetries: 1, delayBetweenTriesMs: 1 })
  const { lidMapping, close } = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(
    { creds: initAuthCreds(), keys: transactional },
    silentLogger,
  )
  const contacts = Array.from({ length: 2 * maxMappings }, (_, index) => contact(index))
  const started = await timersStartedBy(() => lidMapping.storeLIDPNMappings(contacts))
  expect(Reflect.get(lidMapping, 'mappingCache').size).toBe(4 * maxMappings)
  expect(started).toBeGreaterThanOrEqual(4 * maxMappings)
  close?.()
})

test('an address book costs no row; a contact of it who writes is found as any other', async () => {
  const { repository, lidMapping, reads, writes } = start(async () => [contact(3)])
  const book = Array.from({ length: maxPairs + 1 }, (_, index) => contact(index))
  await lidMapping.storeLIDPNMappings(book)
  for (const { pn, lid } of book) await repository.migrateSession(pn, lid)
  expect([reads, writes]).toEqual([[], []])
  expect(await lidMapping.getLIDForPN(contact(3).pn)).toBe(contact(3).lid)
})

test('after a question without an answer, and after a refused one, none is asked for a minute', async () => {
  const answers = [
    () => new Promise<LIDMapping[]>(() => {}),
    () => Promise.reject(new Error('rate-overlimit')),
    async () => [contact(1)],
  ]
  const { clock, lidMapping, asked } = start(async () => answers.shift()?.() ?? [])
  const look = async () => {
    const found = lidMapping.getLIDForPN(contact(1).pn)
    await clock.advance(5_000)
    return found
  }
  for (const expected of [null, null, contact(1).lid]) {
    expect(await look()).toBe(expected)
    expect(await look()).toBe(expected)
    await clock.advance(60_000)
  }
  expect(asked).toHaveLength(3)
})

test('a session that was begun under the number is found under the LID when that becomes known', async () => {
  const own = contact(1)
  const { repository, lidMapping, keys } = start(async () => [own])
  const [from, to] = [own.pn, own.lid].map(repository.jidToSignalProtocolAddress)
  await keys.set({ session: { [String(from)]: Buffer.from('ratchet') } })
  await lidMapping.getLIDForPN(own.pn)
  expect(await keys.get('session', [String(from), String(to)])).toMatchObject({
    [String(from)]: null,
    [String(to)]: Buffer.from('ratchet'),
  })
})

test('a session of another device is moved with the message that names both addresses', async () => {
  const { pn, lid } = contact(1)
  const device = pn.replace('@', ':7@')
  const { repository, lidMapping, keys } = start()
  const from = repository.jidToSignalProtocolAddress(device)
  const to = repository.jidToSignalProtocolAddress(lid.replace('@', ':7@'))
  await keys.set({ session: { [from]: Buffer.from('ratchet') } })
  await lidMapping.storeLIDPNMappings([{ lid, pn: device }])
  await repository.migrateSession(device, lid)
  expect(await keys.get('session', [from, to])).toEqual({ [from]: null, [to]: Buffer.from('ratchet') })
})
