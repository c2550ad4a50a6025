import { type BinaryNode, getBinaryNodeChildren, type WAMessage } from '@whiskeysockets/baileys'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type MessagingPhone, messagingPhone } from '../../simulator/control/messages-client.ts'
import { contactNumber } from '../../simulator/messages/address-book.ts'
import { lidOf } from '../../simulator/phone/phone.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Companion, connect, end, linkedDevice, newNumber } from './companion.ts'

let simulator: Simulator
let number: string
let phone: MessagingPhone
let device: Companion
let received: WAMessage[]

beforeAll(async () => {
  simulator = await startSimulator()
})
afterAll(() => simulator.close())
beforeEach(async () => {
  number = newNumber()
  phone = messagingPhone(simulator.control, number)
  device = connect(simulator, await linkedDevice(simulator, number))
  received = collect(device)
  await device.opened
})
afterEach(() => end(device))

const contact = '79161234567'
const group = '120363000000000001'
const pn = `${contact}@s.whatsapp.net`
const lid = `${lidOf(contact)}@lid`

describe('a contact writes', () => {
  test.each([
    ['pn', pn, lid],
    ['lid', lid, pn],
  ] as const)(
    'addressed by %s: the first message begins a session, the next uses it',
    async (addressing, own, other) => {
      const types = encTypes()
      for (const text of ['first', 'second'])
        expect(await phone.send({ from: contact, addressing, text, wait: true })).toMatchObject({
          answers: [{ device: 1, by: 'receipt', type: 'inactive' }],
        })
      expect(texts()).toEqual(['first', 'second'])
      expect(types).toEqual([['pkmsg'], ['msg']])
      expect(received[0]?.key).toMatchObject({ remoteJid: own, remoteJidAlt: other, fromMe: false })
      expect(await traffic()).toMatchObject({
        ...{ preKeys: 811, waiting: 0, unacknowledged: 0, sent: { direct: 2 } },
        ...{ receipts: { inactive: 2 }, nacks: {}, retries: {} },
      })
      expect(await device.sock.signalRepository.lidMapping.getLIDForPN(pn)).toBe(lid)
    },
  )

  test('without the other name: the device asks the service for the LID', async () => {
    const before = (await traffic()).requests['usync'] ?? 0
    await phone.send({ from: contact, alternative: false, wait: true })
    expect((await traffic()).requests['usync']).toBe(before + 1)
    expect(texts()).toEqual(['Hello'])
  })

  test('once for each pre-key, whatever number of messages follow', async () => {
    const { ids } = await phone.send({ contacts: 3, count: 12, text: 'n', wait: true })
    expect(new Set(ids).size).toBe(12)
    // Baileys keeps the order of each contact only.
    expect(new Set(texts())).toEqual(new Set(Array.from({ length: 12 }, (_, index) => `n ${index + 1}`)))
    expect(new Set(received.map(({ key }) => key.remoteJid)).size).toBe(3)
    expect(await traffic()).toMatchObject({ preKeys: 809, receipts: { inactive: 12 } })
  })

  test('repeating the pre-keys, as to a device that never answers', async () => {
    await phone.send({ from: contact, wait: true })
    const types = encTypes()
    await phone.send({ from: contact, unanswered: true, count: 2, wait: true })
    expect(texts()).toEqual(['Hello', 'Hello 1', 'Hello 2'])
    expect(types).toEqual([['pkmsg'], ['pkmsg']])
  })

  test('at a rate, until the simulator stops', async () => {
    await phone.send({ from: contact, count: 3, ratePerSecond: 1000, wait: true })
    expect(texts()).toHaveLength(3)
  })
})

describe('in a group', () => {
  test.each(['pn', 'lid'] as const)('addressed by %s: a sender tells its key once', async (addressing) => {
    const types = encTypes()
    await phone.send({ kind: 'group', group, from: contact, addressing, count: 2, wait: true })
    expect(texts()).toEqual(['Hello 1', 'Hello 2'])
    expect(types).toEqual([['pkmsg', 'skmsg'], ['skmsg']])
  })

  test('members take turns', async () => {
    await phone.send({ kind: 'group', group, contacts: 3, count: 6, addressing: 'lid', wait: true })
    expect(texts()).toHaveLength(6)
    expect(received[0]?.key).toMatchObject({
      ...{ remoteJid: `${group}@g.us`, participant: `${lidOf(contactNumber(0))}@lid` },
      participantAlt: `${contactNumber(0)}@s.whatsapp.net`,
    })
    expect(await traffic()).toMatchObject({ preKeys: 809, sent: { group: 6 }, receipts: { inactive: 6 } })
  })

  test('a status is a message to a group of its own', async () => {
    await phone.send({ kind: 'status', from: contact, count: 2, wait: true })
    expect(texts()).toEqual(['Hello 1', 'Hello 2'])
    expect(received[0]?.key.remoteJid).toBe('status@broadcast')
  })
})

describe('the account’s own phone', () => {
  test('writes to a contact, and its devices see it', async () => {
    await phone.send({ from: number, to: contact, text: 'mine', wait: true })
    expect(texts()).toEqual(['mine'])
    expect(received[0]?.key).toMatchObject({ remoteJid: pn, fromMe: true })
    expect(await traffic()).toMatchObject({ receipts: { sender: 1 } })
  })

  test('gets the messages of its devices, and decrypts them', async () => {
    for (const key of [
      { remoteJid: pn, id: '1' },
      { remoteJid: pn, id: '2' },
    ])
      await device.sock.sendPeerDataOperationMessage({ placeholderMessageResendRequest: [{ messageKey: key }] })
    await expect
      .poll(async () => (await traffic()).latestPeerMessages, { interval: 5 })
      .toMatchObject([{ type: 'PEER_DATA_OPERATION_REQUEST_MESSAGE' }, { type: 'PEER_DATA_OPERATION_REQUEST_MESSAGE' }])
    // It answers in the session that the device began.
    await phone.addressBook({ contacts: 1, wait: true })
    expect(await traffic()).toMatchObject({ peerMessages: 2, preKeys: 812, receipts: { peer_msg: 2 } })
  })

  test('tells its address book and the keys of the app state', async () => {
    expect(await phone.addressBook({ contacts: 1000, keys: 2, wait: true })).toMatchObject({
      answers: [
        { by: 'receipt', type: 'peer_msg' },
        { by: 'receipt', type: 'peer_msg' },
      ],
    })
    const last = contactNumber(999)
    await expect
      .poll(() => device.sock.signalRepository.lidMapping.getLIDForPN(`${last}@s.whatsapp.net`), { interval: 5 })
      .toBe(`${lidOf(last)}@lid`)
    expect(device.auth.creds.myAppStateKeyId).toBe(Buffer.from([0, 0, 0, 0, 0, 1]).toString('base64'))
  })
})

/** Collects the types of the encrypted parts of each message from now on. */
function encTypes(): unknown[] {
  const types: unknown[] = []
  device.sock.ws.on('CB:message', (node: BinaryNode) => {
    types.push(getBinaryNodeChildren(node, 'enc').map(({ attrs }) => attrs['type']))
  })
  return types
}

const texts = () => received.map(({ message }) => message?.conversation)

async function traffic() {
  const all = await phone.traffic()
  return all.get(1)!
}

function collect({ sock }: Companion): WAMessage[] {
  const all: WAMessage[] = []
  sock.ev.on('messages.upsert', ({ messages }) => void all.push(...messages))
  return all
}
