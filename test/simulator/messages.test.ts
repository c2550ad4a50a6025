import type { WAMessage } from '@whiskeysockets/baileys'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Companion, connect, end, linkedDevice, newNumber } from './companion.ts'

let simulator: Simulator
let number: string
let device: Companion
let received: WAMessage[]

beforeAll(async () => {
  simulator = await startSimulator()
})
afterAll(() => simulator.close())
beforeEach(async () => {
  number = newNumber()
  device = connect(simulator, await linkedDevice(simulator, number))
  received = []
  device.sock.ev.on('messages.upsert', ({ messages }) => void received.push(...messages))
  await device.opened
})
afterEach(() => end(device))

const contact = '79161234567'

describe('direct messages', () => {
  test.each(['pn', 'lid'])('begin a session, and use it (%s)', async (addressing) => {
    expect(await send({ from: contact, addressing, text: 'first' })).toMatchObject({ answers: [{ by: 'receipt' }] })
    expect(await send({ from: contact, addressing, text: 'second' })).toMatchObject({ answers: [{ by: 'receipt' }] })
    expect(received.map(({ message }) => message?.conversation)).toEqual(['first', 'second'])
    expect(await report()).toMatchObject({ preKeys: 811, waiting: 0, receipts: { inactive: 2 }, nacks: {} })
  })
})

async function send(order: Record<string, unknown>) {
  const { status, body } = await simulator.control('POST', `/simulator/phones/${number}/send`, { wait: true, ...order })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body as { readonly ids: readonly string[]; readonly answers: readonly unknown[] }
}

async function report() {
  const { body } = await simulator.control('GET', `/simulator/phones/${number}/messages`)
  return (body as { readonly devices: readonly Record<string, unknown>[] }).devices[0]
}
