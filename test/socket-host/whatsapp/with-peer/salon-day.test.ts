/** A salon's day at its device, sent by the simulated WhatsApp: real Baileys, real messages. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { messagingPhone } from '../../../../simulator/control/messages-client.ts'
import { contactNumber } from '../../../../simulator/messages/address-book.ts'
import { attach, loadFrom } from '../credentials/linked-auth-state.ts'
import { aTarget, type Rig, startRig } from '../whatsapp-rig.ts'

let rig: Rig
let lastPhone = 79_001_100_000

beforeAll(async () => {
  rig = await startRig()
})
afterAll(() => rig.stop())

/** Opens a session of a new phone. */
async function open() {
  const number = String(++lastPhone)
  const target = aTarget()
  const session = await rig.connect(number, target)
  const phone = messagingPhone(rig.simulator.control, number)
  const traffic = async () => {
    const [found] = (await phone.traffic()).values()
    if (!found) throw new Error('The phone has no device')
    return found
  }
  return { ...session, phone, target, traffic }
}

const strangers = ['79161234560', '79161234561', '79161234562']

test('messages are read, app state is not fetched, and the phone is asked nothing', async () => {
  const { phone, traffic, types } = await open()
  const sent = [
    await phone.send({ contacts: 20, count: 40, wait: true }),
    await phone.send({ contacts: 20, count: 40, addressing: 'lid', wait: true }),
    await phone.send({ from: strangers, count: 9, alternative: false, wait: true }),
    await phone.send({ kind: 'group', group: '120363000000000001', contacts: 5, count: 20, wait: true }),
  ]
  expect(sent.flatMap(({ answers }) => answers.filter(({ by }) => by !== 'receipt'))).toEqual([])
  await phone.serverSync({ count: 5, wait: true })
  const seen = await traffic()
  expect(seen).toMatchObject({ acks: { notification: 5 }, nacks: {}, retries: {}, peerMessages: 0 })
  expect(Object.keys(seen.requests).sort()).toEqual(['encrypt', 'passive', 'usync'])
  expect(seen.requests['usync']).toBe(strangers.length)
  expect(types()).toEqual(['opened'])
})

test('the keys of the app state are stored, which WhatsApp does not send again, and the address book is not', async () => {
  const { phone, socket, credentials, target } = await open()
  await phone.addressBook({ contacts: 300, keys: 2, wait: true })
  await socket.close()
  await credentials.flush()
  const { state } = attach(await loadFrom(rig.store, target))
  const id = state.creds.myAppStateKeyId ?? ''
  expect(await state.keys.get('app-state-sync-key', [id])).toMatchObject({ [id]: { keyData: expect.any(Uint8Array) } })
  const number = contactNumber(299)
  expect(await state.keys.get('lid-mapping', [number])).toEqual({})
})

test('what nothing opens is answered once each, without keys, and without a message to the phone', async () => {
  const { phone, traffic, types } = await open()
  await phone.send({ contacts: 20, count: 20, wait: true })
  for (const flaw of ['garbage', 'unknown-pre-key', 'counter-again', 'absent'] as const)
    await phone.send({ contacts: 20, count: 20, flaw, wait: true })
  expect(await traffic()).toMatchObject({
    waiting: 0,
    peerMessages: 0,
    retries: { 1: 40 },
    nacks: { 487: 20, 500: 40 },
  })
  expect(types()).toEqual(['opened'])
})
