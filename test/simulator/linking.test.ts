import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SimulatorEvent } from '../../simulator/service/events.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import {
  behave,
  connect,
  copyOf,
  end,
  enterCode,
  linkByCode,
  linkedDevice,
  newNumber,
  phoneReport,
  reportOf,
  scanQr,
  verifyStrictly,
} from './companion.ts'

let simulator: Simulator
const events: SimulatorEvent[] = []

beforeAll(async () => {
  verifyStrictly()
  simulator = await startSimulator({ onEvent: (event) => events.push(event) })
})
afterAll(async () => {
  const { violations } = await reportOf(simulator)
  await simulator.close()
  expect(violations.counts).toEqual({})
})

describe('linking, with real signature checks', { timeout: 60_000 }, () => {
  test('by code: code, 515, login, pre-keys, open', async () => {
    const number = newNumber()
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    const shown = await enterCode(simulator, number, `${code.slice(0, 4)}-${code.slice(4).toLowerCase()}`)
    expect(shown).toEqual({ status: 200, body: { phone: number, screen: 'linked', device: 1 } })
    expect(await companion.closed).toMatchObject({ status: 515, message: 'Stream Errored (restart required)' })
    expect(companion.auth.creds.account?.accountSignature).toHaveLength(64)

    const restarted = connect(simulator, companion.auth)
    await restarted.opened
    expect(restarted.sock.user).toMatchObject({ id: `${number}:1@s.whatsapp.net` })
    expect(restarted.auth.creds.routingInfo).toHaveLength(8)
    expect(await phoneReport(simulator, number)).toMatchObject({
      companionHellos: 1,
      devices: [{ device: 1, online: true, preKeys: 812, logins: 1 }],
    })
    expect(typesOf(number)).toEqual(['codeRequested', 'linked', 'codeTyped', 'deviceOnline'])
    await end(restarted)
  })

  test('by QR, with any phone', async () => {
    const number = newNumber()
    const companion = connect(simulator)
    const shown = await scanQr(simulator, `+${number}`, await companion.firstQr)
    expect(shown.body).toMatchObject({ screen: 'linked', device: 1 })
    expect((await companion.closed).status).toBe(515)
    const restarted = connect(simulator, companion.auth)
    await restarted.opened
    expect(typesOf(number)).toEqual(['linked', 'qrScanned', 'deviceOnline'])
    await end(restarted)
  })

  test('a wrong code shows on the phone only, and the right one links afterwards', async () => {
    const number = newNumber()
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    expect((await enterCode(simulator, number, 'AAAAAAAA')).body.screen).toBe('wrong code')
    expect((await enterCode(simulator, number, code)).body.screen).toBe('linked')
    expect((await companion.closed).status).toBe(515)
  })

  test('two codes typed at once, or a QR scanned twice, make one device', async () => {
    const number = newNumber()
    const byCode = connect(simulator)
    const { code } = await byCode.requestCode(number)
    const typed = await Promise.all([enterCode(simulator, number, code), enterCode(simulator, number, code)])
    expect(typed.map(({ body }) => body.screen)).toEqual(['linked', 'no pending request'])
    await byCode.closed

    const byQr = connect(simulator)
    const qr = await byQr.firstQr
    const scanned = await Promise.all([scanQr(simulator, number, qr), scanQr(simulator, number, qr)])
    expect(scanned.map(({ body }) => body.screen)).toEqual(['linked', 'unknown QR'])
    await byQr.closed
    expect((await phoneReport(simulator, number)).devices).toHaveLength(2)
  })

  test('a code links the number that it was asked for, and no other', async () => {
    const [number, other] = [newNumber(), newNumber()]
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    expect((await enterCode(simulator, other, code)).body.screen).toBe('no pending request')
    await behave(simulator, other, 'other-phone')
    expect((await enterCode(simulator, other, code)).body.screen).toBe('linked')
    await companion.closed
    expect(companion.auth.creds.me?.id).toBe(`${other}:1@s.whatsapp.net`)
  })

  test('an account may know its number in another form', async () => {
    await behave(simulator, '5511987654321', 'known-as', { number: '551187654321' })
    const auth = await linkByCode(simulator, '5511987654321')
    expect(auth.creds.me?.id).toBe('551187654321:1@s.whatsapp.net')
    const companion = connect(simulator, auth)
    await companion.opened
    await end(companion)
  })

  test('a fifth device is refused by the phone', async () => {
    const number = newNumber()
    for (let device = 1; device <= 4; device++) {
      const companion = connect(simulator)
      expect((await scanQr(simulator, number, await companion.firstQr)).body).toMatchObject({ device })
      await companion.closed
    }
    const fifth = connect(simulator)
    expect((await scanQr(simulator, number, await fifth.firstQr)).body.screen).toBe('device limit reached')
    await end(fifth)
  })

  test('20 at once do not cross', async () => {
    const numbers = Array.from({ length: 20 }, newNumber)
    const auths = await Promise.all(numbers.map((number) => linkByCode(simulator, number)))
    expect(auths.map(({ creds }) => creds.me?.id)).toEqual(numbers.map((number) => `${number}:1@s.whatsapp.net`))
  })
})

describe('a linked device', { timeout: 60_000 }, () => {
  test('comes back with its pre-keys, and stays healthy', async () => {
    const number = newNumber()
    const auth = await linkedDevice(simulator, number)
    const companion = connect(simulator, auth)
    await companion.opened
    expect(await companion.sock.onWhatsApp(number)).toEqual([{ jid: `${number}@s.whatsapp.net`, exists: true }])
    await companion.sock.query({ tag: 'iq', attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' }, content: [] })
    expect(await phoneReport(simulator, number)).toMatchObject({ devices: [{ online: true, preKeys: 812, logins: 2 }] })
    await end(companion)
  })

  test('that logs out is removed, and cannot come back', async () => {
    const number = newNumber()
    const auth = await linkedDevice(simulator, number)
    const companion = connect(simulator, auth)
    await companion.opened
    await companion.sock.logout()
    expect(await companion.closed).toMatchObject({ status: 401, message: 'Intentional Logout' })
    const again = connect(simulator, auth)
    expect(await again.closed).toMatchObject({ status: 401, message: 'Connection Failure' })
    expect(await phoneReport(simulator, number)).toMatchObject({ devices: [] })
  })

  test('that asks to be removed gets the result before the end', async () => {
    const number = newNumber()
    const companion = connect(simulator, await linkedDevice(simulator, number))
    await companion.opened
    const jid = companion.sock.user?.id ?? ''
    const result = await companion.sock.query({
      tag: 'iq',
      attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'md' },
      content: [{ tag: 'remove-companion-device', attrs: { jid, reason: 'user_initiated' } }],
    })
    expect(result).toMatchObject({ attrs: { type: 'result' } })
    expect(await companion.closed).toMatchObject({ status: 401, message: 'Stream Errored (conflict)' })
  })

  test('that its owner unlinks gets 401, online or not', async () => {
    const number = newNumber()
    const auth = await linkedDevice(simulator, number)
    const companion = connect(simulator, copyOf(auth))
    await companion.opened
    const reply = await simulator.control('POST', `/simulator/phones/${number}/unlink`, {})
    expect(reply).toEqual({ status: 200, body: { phone: number, removed: [1] } })
    expect(await companion.closed).toMatchObject({
      status: 401,
      message: 'Stream Errored (conflict)',
      data: { tag: 'conflict', attrs: { type: 'device_removed' } },
    })
    expect(await connect(simulator, auth).closed).toMatchObject({ status: 401, message: 'Connection Failure' })
  })
})

function typesOf(number: string): string[] {
  return events.filter((event) => 'phone' in event && event.phone === number).map(({ type }) => type)
}
