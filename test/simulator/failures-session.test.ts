import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import {
  type Auth,
  behave,
  type Companion,
  connect,
  copyOf,
  end,
  isAnswered,
  linkByCode,
  linkedDevice,
  newNumber,
  phoneReport,
  verifyStrictly,
} from './companion.ts'

const sharedNumber = newNumber()
let simulator: Simulator
// The tests share one device, because a login costs a tenth of a link.
let device: Auth

beforeAll(async () => {
  verifyStrictly()
  simulator = await startSimulator()
  device = await linkedDevice(simulator, sharedNumber)
})
afterAll(() => simulator.close())

describe('logging in', () => {
  test.each([
    ['banned', {}, 406],
    ['banned', { reason: 403 }, 403],
    ['temporarily-banned', { code: 104, expire: 60 }, 402],
    ['outdated', {}, 405],
    ['login-fails-with', { reason: 401 }, 401],
    ['login-fails-with', { reason: 402 }, 402],
    ['login-fails-with', { reason: 500 }, 500],
    ['login-fails-with', { reason: 503 }, 503],
  ])('%s %o fails with %i', async (behaviour, params, status) => {
    await behave(simulator, sharedNumber, behaviour, params)
    const ending = await connect(simulator, copyOf(device)).closed
    expect(ending).toMatchObject({ status, message: 'Connection Failure' })
    const ban = behaviour === 'temporarily-banned' ? { code: '104', expire: '60' } : {}
    expect(ending.data).toEqual({ reason: String(status), location: 'frc', ...ban })
  })

  test.each([
    ['conflict', {}, 440, 'conflict'],
    ['conflict', { type: 'no-such-type' }, 440, 'conflict'],
    ['conflict', { code: 401 }, 401, 'conflict'],
    ['stream-error', { code: 401 }, 401, 'unknown'],
    ['stream-error', { code: 516 }, 516, 'unknown'],
  ])('can be refused by a %s %o, with %i', async (how, params, status, reason) => {
    await behave(simulator, sharedNumber, 'disrupt', { how, params, stage: 'login' })
    const ending = await connect(simulator, copyOf(device)).closed
    expect(ending).toMatchObject({ status, message: `Stream Errored (${reason})` })
  })

  test.each(['cut-after-login', 'cut-after-success'])('%s closes with 428', async (behaviour) => {
    await behave(simulator, sharedNumber, behaviour)
    expect(await connect(simulator, copyOf(device)).closed).toMatchObject({ status: 428 })
  })
})

describe('once it is up', () => {
  test.each([
    ['cut', {}, 428, 'Connection Terminated'],
    ['close', {}, 428, 'Connection Terminated'],
    ['xmlstreamend', {}, 428, 'Connection Terminated by Server'],
    ['stream-error', { code: 503 }, 503, 'Stream Errored (unknown)'],
    ['stream-error', { code: 515 }, 515, 'Stream Errored (restart required)'],
    ['stream-error', { code: 516 }, 516, 'Stream Errored (unknown)'],
    ['stream-error', {}, 500, 'Stream Errored (xml-not-well-formed)'],
    ['stream-error', { condition: 'ack' }, 500, 'Stream Errored (ack)'],
    ['stream-error', { code: 401 }, 401, 'Stream Errored (unknown)'],
    ['removed', {}, 401, 'Stream Errored (conflict)'],
    ['conflict', {}, 440, 'Stream Errored (conflict)'],
    ['conflict', { type: 'no-such-type' }, 440, 'Stream Errored (conflict)'],
    ['conflict', { code: 401 }, 401, 'Stream Errored (conflict)'],
    ['replaced', {}, 440, 'Stream Errored (conflict)'],
    ['downgrade', {}, 411, 'Multi-device beta not joined'],
    ['invalid-frame', {}, 500, 'WebSocket Error (Invalid WebSocket frame: RSV2 and RSV3 must be clear)'],
  ])('%s %o closes with %i %s', async (how, params, status, message) => {
    await behave(simulator, sharedNumber, `${how}-after-open`, params)
    const companion = connect(simulator, copyOf(device))
    await companion.opened
    expect(await companion.closed).toMatchObject({ status, message })
  })

  test.each([
    ['removed', {}, 'device_removed'],
    ['replaced', {}, 'replaced'],
    ['conflict', {}, 'device_removed'],
    ['conflict', { type: 'no-such-type' }, 'no-such-type'],
  ])('%s %o says that the type of the conflict is %3$s', async (how, params, type) => {
    await behave(simulator, sharedNumber, `${how}-after-open`, params)
    const companion = connect(simulator, copyOf(device))
    await companion.opened
    expect((await companion.closed).data).toMatchObject({ tag: 'conflict', attrs: { type } })
  })

  test.each([
    ['undecryptable', /unable to authenticate data/],
    ['undecodable', /invalid string with tag: 240/],
  ])('%s surfaces nowhere but as an unhandled rejection', async (how, message) => {
    await behave(simulator, sharedNumber, `${how}-after-open`)
    const rejection = nextUnhandledRejection()
    const companion = connect(simulator, copyOf(device))
    expect(await rejection).toMatchObject({ message: expect.stringMatching(message) })
    expect(companion.sock.ws.isOpen).toBe(true)
    await end(companion)
  })

  test('mute leaves pings unanswered', async () => {
    await behave(simulator, sharedNumber, 'mute-after-open')
    const companion = connect(simulator, copyOf(device))
    await companion.opened
    expect(await ping(companion, 200)).toBe(false)
    await end(companion)
  })

  test('unlink-after-link removes the device', async () => {
    const number = newNumber()
    const auth = await linkByCode(simulator, number)
    await behave(simulator, number, 'unlink-after-link')
    expect(await connect(simulator, auth).closed).toMatchObject({ status: 401, message: 'Stream Errored (conflict)' })
    expect(await phoneReport(simulator, number)).toMatchObject({ devices: [] })
  })

  test('unlink-before-login lets the first login fail', async () => {
    const number = newNumber()
    await behave(simulator, number, 'unlink-before-login')
    const auth = await linkByCode(simulator, number)
    expect(await connect(simulator, auth).closed).toMatchObject({ status: 401, message: 'Connection Failure' })
  })

  test('unlink-silent never confirms a removal', async () => {
    await behave(simulator, sharedNumber, 'unlink-silent')
    const companion = connect(simulator, copyOf(device))
    await companion.opened
    const removal = { tag: 'remove-companion-device', attrs: { jid: `${sharedNumber}:1@s.whatsapp.net` } }
    expect(await isAnswered(companion, 'md', removal, 200)).toBe(false)
    expect(await phoneReport(simulator, sharedNumber)).toMatchObject({ devices: [{ online: true }] })
    await end(companion)
  })
})

describe('a live session', () => {
  test.each([
    [{ how: 'cut' }, 428],
    [{ how: 'stream-error', code: 503 }, 503],
    [{ how: 'replaced' }, 440],
  ])('can be disturbed with %o', async (body, status) => {
    await behave(simulator, sharedNumber, 'ok')
    const companion = connect(simulator, copyOf(device))
    await companion.opened
    const reply = await simulator.control('POST', `/simulator/phones/${sharedNumber}/disrupt`, body)
    expect(reply).toEqual({ status: 200, body: { phone: sharedNumber, disrupted: [1] } })
    expect(await companion.closed).toMatchObject({ status })
  })

  test('that has vanished leaves even the close unanswered', async () => {
    await behave(simulator, sharedNumber, 'ok')
    const companion = connect(simulator, copyOf(device))
    await companion.opened
    await simulator.control('POST', `/simulator/phones/${sharedNumber}/disrupt`, { how: 'vanish' })
    expect(await ping(companion, 100)).toBe(false)
    companion.sock.end(undefined)
    await simulator.control('POST', `/simulator/phones/${sharedNumber}/disrupt`, { how: 'cut' })
    await companion.closed
  })
})

describe('bring-up', { timeout: 60_000 }, () => {
  test.each([
    ['prekey-count-silent', 0],
    ['passive-silent', 812],
  ])('%s delays open by one time-out', async (behaviour, preKeys) => {
    const number = newNumber()
    await behave(simulator, number, behaviour)
    const auth = await linkByCode(simulator, number)
    const patient = connect(simulator, auth, { defaultQueryTimeoutMs: 60_000 })
    expect(await Promise.race([patient.opened, sleep(500, 'nothing')])).toBe('nothing')
    await end(patient)
    const companion = connect(simulator, auth, { defaultQueryTimeoutMs: 1000 })
    await companion.opened
    expect(await phoneReport(simulator, number)).toMatchObject({ devices: [{ preKeys }] })
    await end(companion)
  })

  test('prekey-upload-refused makes Baileys try again, with new keys', async () => {
    const number = newNumber()
    await behave(simulator, number, 'prekey-upload-refused', { times: 1 })
    const companion = connect(simulator, await linkByCode(simulator, number))
    await companion.opened
    expect(companion.auth.creds.nextPreKeyId).toBe(2 * 812 + 1)
    expect(await phoneReport(simulator, number)).toMatchObject({ devices: [{ preKeys: 812 }] })
    await end(companion)
  })

  test('digest-refused does not matter', async () => {
    await behave(simulator, sharedNumber, 'digest-refused', { times: 1 })
    const companion = connect(simulator, copyOf(device))
    await companion.opened
    expect(await phoneReport(simulator, sharedNumber)).toMatchObject({ behaviour: 'ok' })
    await end(companion)
  })
})

function ping(companion: Companion, withinMs: number): Promise<boolean> {
  return isAnswered(companion, 'w:p', { tag: 'ping', attrs: {} }, withinMs)
}

/** Replaces the listeners of the test runner, which would report the rejection as a failure. */
function nextUnhandledRejection(): Promise<unknown> {
  const others = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[]
  process.removeAllListeners('unhandledRejection')
  return new Promise((resolve) => {
    process.once('unhandledRejection', (reason) => {
      for (const other of others) process.on('unhandledRejection', other)
      resolve(reason)
    })
  })
}
