import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { connect, copyOf, end, linkedDevice, newNumber, reportOf, setService, verifyStrictly } from './companion.ts'

let simulator: Simulator

beforeAll(async () => {
  verifyStrictly()
  simulator = await startSimulator()
})
afterEach(() => setService(simulator, 'ok'))
afterAll(() => simulator.close())

describe('before the handshake', () => {
  test('down resets new connections and drops old ones', async () => {
    const old = connect(simulator)
    await old.firstQr
    await setService(simulator, 'down')
    expect(await old.closed).toMatchObject({ status: 428 })
    expect(await connect(simulator).closed).toMatchObject({
      status: 408,
      message: expect.stringMatching(/ECONNRESET|socket hang up/),
    })
  })

  test.each([403, 429, 503])('refuse-upgrade answers %i, of which Baileys says nothing', async (status) => {
    await setService(simulator, 'refuse-upgrade', { status })
    const companion = connect(simulator)
    const response = await new Promise<{ statusCode?: number }>((resolve) => {
      companion.sock.ws.once('unexpected-response', (_request, received) => resolve(received))
    })
    expect(response.statusCode).toBe(status)
  })

  test('upgrade-hangs runs into the time-out for connecting', async () => {
    await setService(simulator, 'upgrade-hangs')
    expect(await connect(simulator, undefined, { connectTimeoutMs: 200 }).closed).toMatchObject({
      status: 408,
      message: 'WebSocket Error (Opening handshake has timed out)',
    })
  })

  test('a pause is over when another condition follows', async () => {
    await setService(simulator, 'pause', { ms: 600_000 })
    const companion = connect(simulator)
    await setService(simulator, 'ok')
    await companion.firstQr
    await end(companion)
  })

  test('pause and slow delay what clients get', async () => {
    for (const behaviour of ['pause', 'slow']) {
      await setService(simulator, behaviour, { ms: 60_000 })
      const waiting = connect(simulator)
      expect(await Promise.race([waiting.firstQr, sleep(250, 'nothing')])).toBe('nothing')
      await end(waiting)
      await setService(simulator, behaviour, { ms: 50 })
      const companion = connect(simulator)
      await companion.firstQr
      await end(companion)
    }
  })
})

test('a condition of one client affects no other client, and "ok" removes it', async () => {
  const as = (client: string) =>
    connect(simulator, undefined, { waWebSocketUrl: `${simulator.webSocketUrl}?client=${client}` })
  await setService(simulator, 'handshake-cut', { client: 'ill' })
  const well = as('well')
  await well.firstQr
  expect(await as('ill').closed).toMatchObject({ status: 428 })
  await setService(simulator, 'down', { client: 'ill' })
  expect(await as('ill').closed).toMatchObject({ status: 408 })
  await setService(simulator, 'ok', { client: 'ill' })
  const mended = as('ill')
  await mended.firstQr
  await Promise.all([end(well), end(mended)])
})

describe('the handshake', () => {
  test.each([
    ['handshake-silent', 408, 'Timed Out'],
    ['handshake-cut', 428, 'Connection Terminated'],
    ['handshake-garbage', undefined, expect.stringMatching(/wire type 7/)],
    ['handshake-other-key', undefined, 'Unsupported state or unable to authenticate data'],
    ['cut-after-handshake', 428, 'Connection Terminated'],
  ])('%s closes with %s %s', async (behaviour, status, message) => {
    await setService(simulator, behaviour)
    const connectTimeoutMs = behaviour === 'handshake-silent' ? 200 : 10_000
    expect(await connect(simulator, undefined, { connectTimeoutMs }).closed).toMatchObject({ status, message })
  })

  test.each([
    ['missing-leaf', 'invalid noise leaf certificate'],
    ['missing-intermediate', 'invalid noise intermediate certificate'],
    ['other-issuer', 'certification match failed'],
    ['issuer-absent', 'certification match failed'],
  ])('certificate-malformed (%s) closes with 400 %s', async (how, message) => {
    await setService(simulator, 'certificate-malformed', { how })
    expect(await connect(simulator).closed).toMatchObject({ status: 400, message })
  })

  test('a forged certificate is refused by those who look, and noticed when they do not', async () => {
    await setService(simulator, 'forged-certificate')
    expect(await connect(simulator).closed).toMatchObject({
      status: 400,
      message: 'noise intermediate certificate signature invalid',
    })
    verifyStrictly(false)
    const gullible = connect(simulator)
    await gullible.firstQr
    verifyStrictly()
    await end(gullible)
    expect((await reportOf(simulator)).violations.counts).toEqual({ 'accepted-forged-certificate': 1 })
  })

  test('a short signature is malformed even for those who do not look', async () => {
    verifyStrictly(false)
    await setService(simulator, 'certificate-malformed', { how: 'short-signature' })
    const ending = await connect(simulator).closed
    verifyStrictly()
    expect(ending).toMatchObject({ status: 400, message: 'noise certificate signature invalid' })
  })

  test.each(['cert-wrong-key', 'certificate-expired'])('Baileys does not notice %s', async (behaviour) => {
    await setService(simulator, behaviour)
    const companion = connect(simulator)
    await companion.firstQr
    await end(companion)
  })
})

describe('after the handshake', () => {
  test.each([
    ['no-refs', {}, 408, 'QR refs attempts ended'],
    ['one-ref', {}, 408, 'QR refs attempts ended'],
    ['cut-after-pair-device', {}, 428, 'Connection Terminated'],
    ['registration-fails-with', { reason: 503 }, 503, 'Connection Failure'],
    ['registration-fails-with', { reason: 405 }, 405, 'Connection Failure'],
  ])('%s %o closes with %i %s', async (behaviour, params, status, message) => {
    await setService(simulator, behaviour, params)
    expect(await connect(simulator, undefined, { qrTimeout: 50 }).closed).toMatchObject({ status, message })
  })

  test.each([
    [{ reason: 500 }, 500],
    [{ reason: 402, code: 102, expire: 60 }, 402],
  ])('login-fails-with %o refuses every device', async (params, status) => {
    const device = await linkedDevice(simulator, newNumber())
    await setService(simulator, 'login-fails-with', params)
    const ending = await connect(simulator, copyOf(device)).closed
    expect(ending).toMatchObject({ status, message: 'Connection Failure' })
    const attributes = Object.entries(params).map(([name, value]) => [name, String(value)])
    expect(ending.data).toEqual({ ...Object.fromEntries(attributes), location: 'frc' })
  })

  test('login-fails-with says when a restriction ends, and can drop the devices that are online', async () => {
    const device = await linkedDevice(simulator, newNumber())
    const online = connect(simulator, copyOf(device))
    await online.opened
    await setService(simulator, 'login-fails-with', { reason: 402, expire: 60, drop: true })
    expect(await online.closed).toMatchObject({ status: 428 })
    expect(await connect(simulator, copyOf(device)).closed).toMatchObject({ status: 402 })
  })

  test('outdated refuses linked devices and new ones, and drops those that are connected', async () => {
    const device = await linkedDevice(simulator, newNumber())
    const waiting = connect(simulator)
    await waiting.firstQr
    await setService(simulator, 'outdated')
    expect(await waiting.closed).toMatchObject({ status: 428 })
    expect(await connect(simulator, copyOf(device)).closed).toMatchObject({ status: 405 })
    expect(await connect(simulator).closed).toMatchObject({ status: 405 })
  })

  test('a client may show its six QR codes and be closed by itself', async () => {
    const companion = connect(simulator, undefined, { qrTimeout: 20 })
    expect(await companion.closed).toMatchObject({ status: 408, message: 'QR refs attempts ended' })
  })
})
