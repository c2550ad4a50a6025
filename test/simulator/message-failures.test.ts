import { proto, type WAMessage } from '@whiskeysockets/baileys'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type MessagingPhone, messagingPhone } from '../../simulator/control/messages-client.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Auth, type Companion, connect, end, linkedDevice, newNumber } from './companion.ts'

let simulator: Simulator
let number: string
let phone: MessagingPhone
let auth: Auth
let device: Companion
let received: WAMessage[]

beforeAll(async () => {
  simulator = await startSimulator()
})
afterAll(() => simulator.close())
beforeEach(async () => {
  number = newNumber()
  phone = messagingPhone(simulator.control, number)
  auth = await linkedDevice(simulator, number)
  received = []
  device = await open()
})
afterEach(() => end(device))

const contact = '79161234567'
const group = '120363000000000001'
const ciphertext = proto.WebMessageInfo.StubType.CIPHERTEXT
/** Baileys' answers without the pauses that it makes before and after them. */
const atOnce = { enableRecentMessageCache: true, retryRequestDelayMs: 0 }

describe('a message that nothing opens', () => {
  test.each([
    ['garbage', {}],
    ['garbage', { kind: 'group', group }],
    ['garbage', { kind: 'status' }],
    ['unknown-pre-key', {}],
    ['unknown-sender-key', { kind: 'group', group }],
  ] as const)('%s %o is asked for again, and refused', async (flaw, order) => {
    expect(await phone.send({ from: contact, flaw, ...order, wait: true })).toMatchObject({
      answers: [{ by: 'ack', error: '500' }],
    })
    expect(await traffic()).toMatchObject({
      ...{ sent: { [flaw]: 1 }, retries: { 1: 1 }, receipts: { retry: 1 }, nacks: { 500: 1 } },
      ...{ waiting: 0, preKeys: 812 },
    })
    await expect
      .poll(() => received.map(({ messageStubType }) => messageStubType), { interval: 5 })
      .toEqual([ciphertext])
    // The sender's own session, or group key, is not affected.
    await phone.send({ from: contact, ...order, wait: true })
    expect(received.at(-1)?.message?.conversation).toBe('Hello')
  })

  test('a counter that was used is refused without a second try', async () => {
    await phone.send({ from: contact, wait: true })
    expect(await phone.send({ from: contact, flaw: 'counter-again', wait: true })).toMatchObject({
      answers: [{ by: 'ack', error: '487' }],
    })
    expect(await traffic()).toMatchObject({ retries: {}, nacks: { 487: 1 } })
  })

  test('that is absent makes the device ask its own phone', async () => {
    await phone.send({ from: contact, flaw: 'absent', wait: true })
    await expect
      .poll(async () => (await traffic()).latestPeerMessages, { interval: 20, timeout: 10_000 })
      .toMatchObject([{ type: 'PEER_DATA_OPERATION_REQUEST_MESSAGE' }])
    expect(await traffic()).toMatchObject({
      acks: { message: 1 },
      retries: {},
      requests: { encrypt: expect.any(Number) },
    })
  })

  test('by a session that the device has lost: the sender’s next message begins another', async () => {
    await phone.send({ from: contact, addressing: 'lid', wait: true })
    await auth.keys.set({ session: { [`${await lidOf()}_1.0`]: null } })
    await phone.send({ from: contact, addressing: 'lid', text: 'lost', wait: true })
    await phone.send({ from: contact, addressing: 'lid', text: 'found', wait: true })
    expect(await traffic()).toMatchObject({ retries: { 1: 1 }, preKeys: 810, receipts: { inactive: 2 } })
    expect(received.map(({ message }) => message?.conversation ?? '')).toEqual(['Hello', '', 'found'])
  })
})

async function lidOf(): Promise<string> {
  const lid = await device.sock.signalRepository.lidMapping.getLIDForPN(`${contact}@s.whatsapp.net`)
  return lid?.split('@')[0] ?? ''
}

async function open(): Promise<Companion> {
  const companion = connect(simulator, auth, atOnce)
  companion.sock.ev.on('messages.upsert', ({ messages }) => void received.push(...messages))
  await companion.opened
  return companion
}

async function traffic() {
  const all = await phone.traffic()
  return all.get(1)!
}
