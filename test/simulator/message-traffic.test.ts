import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ControlServer, serveControl } from '../../simulator/control/http.ts'
import { type MessagingPhone, messagingPhone } from '../../simulator/control/messages-client.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { memoryAuth } from '../fakes/memory-auth.ts'
import { linkedCompanion } from '../support/linked-companion.ts'
import { type Auth, type Companion, connect, end, newNumber } from './companion.ts'

let simulator: Simulator
let http: ControlServer
let number: string
let phone: MessagingPhone
let auth: Auth

beforeAll(async () => {
  simulator = await startSimulator()
  http = await serveControl(simulator, 0)
})
afterAll(async () => {
  await http.close()
  await simulator.close()
})
beforeEach(async () => {
  number = newNumber()
  phone = messagingPhone(simulator.control, number)
  const { creds, keys } = await linkedCompanion(`${http.url}/simulator`, number)
  // As on every login but the first: Baileys does not wait 20 s for a history.
  creds.accountSyncCounter = 1
  auth = memoryAuth(creds)
  await auth.keys.set(keys)
})

const contact = '79161234567'
const pn = `${contact}@s.whatsapp.net`
const group = '120363000000000001'

describe('receipts', () => {
  test.each([
    ['delivered', {}, [{ key: { remoteJid: pn, fromMe: true, id: 'A' }, update: { status: 3 } }]],
    ['read', {}, [{ key: { remoteJid: pn, fromMe: true, id: 'A' }, update: { status: 4 } }]],
    ['read-self', {}, [{ key: { remoteJid: pn, fromMe: false, id: 'A' }, update: { status: 4 } }]],
  ] as const)('%s reaches Baileys, and is acknowledged', async (type, order, updates) => {
    const device = await open()
    const { promise, resolve } = Promise.withResolvers<unknown>()
    device.sock.ev.on('messages.update', resolve)
    expect(await phone.receipts({ from: contact, type, ids: ['A'], ...order, wait: true })).toMatchObject({
      answers: [{ id: 'A', by: 'ack' }],
    })
    expect(await promise).toMatchObject(updates)
    expect(await traffic()).toMatchObject({ acks: { receipt: 1 }, sent: { receipt: 1 }, waiting: 0 })
    await end(device)
  })

  test('of a member of a group name the member', async () => {
    const device = await open()
    const { promise, resolve } = Promise.withResolvers<unknown>()
    device.sock.ev.on('message-receipt.update', resolve)
    await phone.receipts({ from: contact, type: 'read', group, wait: true })
    expect(await promise).toMatchObject([
      { key: { remoteJid: `${group}@g.us`, participant: pn }, receipt: { userJid: pn } },
    ])
    expect(await traffic()).toMatchObject({ acks: { receipt: 1 } })
    await end(device)
  })
})

describe('a change of the app state', () => {
  test('is told, and what the device fetches after that is counted', async () => {
    const device = await open()
    const before = (await traffic()).requests['w:sync:app:state'] ?? 0
    await phone.serverSync({ collection: 'regular', count: 2, wait: true })
    expect(await traffic()).toMatchObject({
      ...{ sent: { 'server-sync': 2 }, acks: { notification: 2 } },
      requests: { 'w:sync:app:state': before + 2 },
    })
    await end(device)
  })
})

describe('a device that is away', () => {
  test('gets what has waited at its next login, in order', async () => {
    await phone.send({ from: contact, count: 3, text: 'n' })
    await phone.receipts({ from: contact, ids: ['A'] })
    expect(await traffic()).toMatchObject({ waiting: 4, unacknowledged: 0 })
    const texts: unknown[] = []
    const types = new Set<string>()
    const device = connect(simulator, auth)
    device.sock.ev.on('messages.upsert', ({ messages, type }) => {
      types.add(type)
      texts.push(...messages.map(({ message }) => message?.conversation))
    })
    const offline = new Promise((resolve) => device.sock.ws.once('CB:ib,,offline', resolve))
    await device.opened
    expect(await offline).toMatchObject({ content: [{ tag: 'offline', attrs: { count: '4' } }] })
    await expect.poll(async () => (await traffic()).waiting, { interval: 5 }).toBe(0)
    await expect.poll(() => texts, { interval: 5 }).toEqual(['n 1', 'n 2', 'n 3'])
    expect([...types]).toEqual(['append'])
    await end(device)
  })

  test('that never acknowledged gets it again', async () => {
    const deaf = await open()
    deaf.sock.ws.removeAllListeners('CB:message')
    await phone.send({ from: contact })
    await expect.poll(async () => (await traffic()).unacknowledged, { interval: 5 }).toBe(1)
    await end(deaf)
    await expect.poll(traffic, { interval: 5 }).toMatchObject({ waiting: 1, unacknowledged: 0 })
    const device = await open()
    await expect.poll(async () => (await traffic()).receipts, { interval: 5 }).toEqual({ inactive: 1 })
    expect(await traffic()).toMatchObject({ waiting: 0, unacknowledged: 0 })
    await end(device)
  })

  test('and is removed gets nothing, and its senders learn it', async () => {
    const sent = phone.send({ from: contact, wait: true })
    await expect.poll(async () => (await traffic()).waiting, { interval: 5 }).toBe(1)
    await simulator.control('POST', `/simulator/phones/${number}/unlink`, {})
    expect(await sent).toMatchObject({ answers: [{ by: 'dropped' }] })
  })
})

describe('pre-keys', () => {
  test('are handed out once each, and the device uploads more when few are left', async () => {
    const device = await open()
    await phone.send({ contacts: 42, count: 42, wait: true })
    // 45 less 42 are fewer than five: Baileys uploads five more.
    await expect.poll(async () => (await traffic()).preKeys, { interval: 5 }).toBe(8)
    expect(await traffic()).toMatchObject({ sent: { direct: 42, 'pre-keys-low': 1 }, nacks: {} })
    await phone.send({ contacts: 44, count: 44, wait: true })
    expect(await traffic()).toMatchObject({ preKeys: 6, receipts: { inactive: 86 }, nacks: {} })
    await end(device)
  })

  test('that are used up are done without', async () => {
    await phone.send({ contacts: 50, count: 50 })
    expect(await traffic()).toMatchObject({ preKeys: 0, waiting: 51 })
    const device = await open()
    await expect.poll(async () => (await traffic()).receipts, { interval: 5 }).toEqual({ inactive: 50 })
    await end(device)
  })
})

describe('requests', () => {
  test('are counted, and can be left without an answer', async () => {
    const device = await open()
    const asked = (await traffic()).requests['w:p'] ?? 0
    await device.sock.query({ tag: 'iq', attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' } })
    await phone.leaveUnanswered('w:p')
    const id = device.sock.generateMessageTag()
    const answer = device.sock.waitForMessage(id, 50)
    await device.sock.sendNode({ tag: 'iq', attrs: { id, to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' } })
    expect(await answer).toBeUndefined()
    await phone.leaveUnanswered()
    await device.sock.query({ tag: 'iq', attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' } })
    expect((await traffic()).requests['w:p']).toBeGreaterThanOrEqual(asked + 3)
    await end(device)
  })
})

describe('an order that contradicts itself is refused', () => {
  test.each([
    ['from', {}],
    ['from', { from: contact, contacts: 2 }],
    ['from', { from: 'somebody' }],
    ['from', { from: [] }],
    ['kind', { from: contact, kind: 'letter' }],
    ['group', { from: contact, kind: 'group' }],
    ['group', { from: contact, group }],
    ['group', { from: contact, kind: 'group', group: 'friends' }],
    ['to', { from: contact, to: contact }],
    ['flaw', { from: contact, flaw: 'odd' }],
    ['flaw', { from: contact, flaw: 'unknown-sender-key' }],
    ['flaw', { from: contact, flaw: 'counter-again' }],
    ['flaw', { from: contact, flaw: 'unknown-pre-key', kind: 'status' }],
    ['count', { from: contact, count: 0 }],
    ['ratePerSecond', { from: contact, ratePerSecond: 0 }],
    ['device', { from: contact, device: 7 }],
    ['colour', { from: contact, colour: 'red' }],
  ])('%s: %o', async (field, order) => {
    expect(await simulator.control('POST', `/simulator/phones/${number}/send`, order)).toMatchObject({
      status: 400,
      body: { field, message: expect.any(String) },
    })
  })

  test('the phone itself needs a recipient', async () => {
    expect(await simulator.control('POST', `/simulator/phones/${number}/send`, { from: number })).toMatchObject({
      status: 400,
      body: { field: 'to' },
    })
  })
})

async function open(): Promise<Companion> {
  const companion = connect(simulator, auth)
  await companion.opened
  return companion
}

async function traffic() {
  const all = await phone.traffic()
  return all.get(1)!
}
