import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import {
  behave,
  connect,
  end,
  enterCode,
  linkByCode,
  newNumber,
  nextStanza,
  phoneReport,
  reportOf,
  scanQr,
  verifyStrictly,
} from './companion.ts'

let simulator: Simulator

beforeAll(async () => {
  verifyStrictly()
  simulator = await startSimulator()
})
afterAll(() => simulator.close())

describe.concurrent('companion_hello', () => {
  test.each([
    ['not-registered', 404],
    ['bad-request', 400],
    ['forbidden', 403],
    ['rate-limited', 429],
    ['feature-not-available', 452],
    ['server-error', 500],
  ])('%s is answered with %i, though Baileys shows a code', async (behaviour, error) => {
    const number = newNumber()
    await behave(simulator, number, behaviour)
    const companion = connect(simulator)
    const { code, answer } = await companion.requestCode(number)
    expect(answer).toBe(error)
    expect((await enterCode(simulator, number, code)).body.screen).toBe('no pending request')
    expect(await phoneReport(simulator, number)).toMatchObject({ companionHellos: 1 })
    await end(companion)
  })

  test('silent is never answered', async () => {
    const number = newNumber()
    await behave(simulator, number, 'silent')
    const companion = connect(simulator)
    expect(await companion.requestCode(number, 250)).toMatchObject({ answer: 'none' })
    await end(companion)
  })

  test('slow-hello is answered late', async () => {
    const number = newNumber()
    await behave(simulator, number, 'slow-hello', { ms: 60_000 })
    const impatient = connect(simulator)
    expect(await impatient.requestCode(number, 250)).toMatchObject({ answer: 'none' })
    await end(impatient)
    await behave(simulator, number, 'slow-hello', { ms: 50 })
    const companion = connect(simulator)
    expect(await companion.requestCode(number)).toMatchObject({ answer: 'accepted' })
    await end(companion)
  })

  test('a behaviour can be used up', async () => {
    const number = newNumber()
    await behave(simulator, number, 'rate-limited', { times: 1 })
    const companion = connect(simulator)
    expect(await companion.requestCode(number)).toMatchObject({ answer: 429 })
    expect(await companion.requestCode(number)).toMatchObject({ answer: 'accepted' })
    expect(await phoneReport(simulator, number)).toMatchObject({ behaviour: 'ok', companionHellos: 2 })
    await end(companion)
  })

  test.each(['empty-notification', 'refresh-code'])('%s does not keep the code from linking', async (behaviour) => {
    const number = newNumber()
    await behave(simulator, number, behaviour)
    const companion = connect(simulator)
    const notice = nextStanza(companion, 'CB:notification,type:link_code_companion_reg')
    const { code } = await companion.requestCode(number)
    await notice
    expect((await enterCode(simulator, number, code)).body.screen).toBe('linked')
    expect((await companion.closed).status).toBe(515)
  })

  test('companion-reg-refresh retires the QR but not the code', async () => {
    const number = newNumber()
    await behave(simulator, number, 'companion-reg-refresh')
    const companion = connect(simulator)
    const notice = nextStanza(companion, 'CB:notification,type:companion_reg_refresh')
    const { code } = await companion.requestCode(number)
    await notice
    expect((await scanQr(simulator, number, await companion.firstQr)).body.screen).toBe('could not link')
    expect((await enterCode(simulator, number, code)).body.screen).toBe('linked')
    await companion.closed
  })
})

describe.concurrent('an account that wants a passkey', () => {
  const prologueEvent = 'CB:notification,type:passkey_prologue_request'

  test('says so when the code is typed', async () => {
    const number = newNumber()
    await behave(simulator, number, 'passkey')
    const companion = connect(simulator)
    const prologue = nextStanza(companion, prologueEvent)
    const { code } = await companion.requestCode(number)
    expect((await enterCode(simulator, number, code)).body.screen).toBe('passkey required')
    await prologue
    await end(companion)
  })

  test('says so when the QR is scanned', async () => {
    const number = newNumber()
    await behave(simulator, number, 'passkey')
    const companion = connect(simulator)
    const prologue = nextStanza(companion, prologueEvent)
    expect((await scanQr(simulator, number, await companion.firstQr)).body.screen).toBe('passkey required')
    await prologue
    await end(companion)
  })

  test('can say so as soon as a code is asked for', async () => {
    const number = newNumber()
    await behave(simulator, number, 'passkey', { when: 'hello' })
    const companion = connect(simulator)
    const prologue = nextStanza(companion, prologueEvent)
    await companion.requestCode(number)
    await prologue
    await end(companion)
  })
})

describe.concurrent('at the phone', () => {
  test.each([
    ['code-expired', 'code expired'],
    ['device-limit', 'device limit reached'],
    ['never-enters', 'not entered'],
    ['wrong-code', 'wrong code'],
  ])('%s shows "%s"; the companion hears nothing, and can be linked later', async (behaviour, screen) => {
    const number = newNumber()
    await behave(simulator, number, behaviour, { times: 1 })
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    expect((await enterCode(simulator, number, code)).body.screen).toBe(screen)
    expect((await enterCode(simulator, number, code)).body.screen).toBe('linked')
    await companion.closed
  })

  test('only the newest of two codes works', async () => {
    const number = newNumber()
    const companion = connect(simulator)
    const first = await companion.requestCode(number)
    const second = await companion.requestCode(number)
    expect((await enterCode(simulator, number, first.code)).body.screen).toBe('wrong code')
    expect((await enterCode(simulator, number, second.code)).body.screen).toBe('linked')
    await companion.closed
  })

  test('a QR of a connection that is gone is unknown', async () => {
    const companion = connect(simulator)
    const qr = await companion.firstQr
    await end(companion)
    expect((await scanQr(simulator, newNumber(), qr)).body.screen).toBe('unknown QR')
  })
})

describe.concurrent('after the code was typed', () => {
  test.each([
    ['finish-refused', { code: 400 }],
    ['finish-refused', { code: 500 }],
    ['finish-silent', {}],
  ])('%s %o leaves the companion unlinked', async (behaviour, params) => {
    const number = newNumber()
    await behave(simulator, number, behaviour, params)
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    expect((await enterCode(simulator, number, code)).body.screen).toBe('could not link')
    expect(companion.auth.creds.registered).toBe(false)
    await end(companion)
  })

  test('pair-success-never leaves it waiting', async () => {
    const number = newNumber()
    await behave(simulator, number, 'pair-success-never')
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    expect((await enterCode(simulator, number, code)).body.screen).toBe('could not link')
    expect(companion.auth.creds.account).toBeUndefined()
    await end(companion)
  })

  test('pair-success-slow links after all', async () => {
    const number = newNumber()
    await behave(simulator, number, 'pair-success-slow', { ms: 100 })
    expect((await linkByCode(simulator, number)).creds.account).toBeDefined()
  })

  test.each([
    ['bad-hmac', 500, 'Invalid account signature'],
    ['forged-account-signature', 500, 'Failed to verify account signature'],
    ['missing-device-identity', 500, 'Missing device-identity or device in pair success node'],
    ['cut-after-hello', 428, 'Connection Terminated'],
    ['cut-after-finish', 428, 'Connection Terminated'],
  ])('%s closes with %i %s', async (behaviour, status, message) => {
    const number = newNumber()
    await behave(simulator, number, behaviour)
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    const [shown, ending] = await Promise.all([enterCode(simulator, number, code), companion.closed])
    expect(ending).toMatchObject({ status, message })
    expect(shown.body.screen).toMatch(/could not link|no pending request/)
    expect(await phoneReport(simulator, number)).toMatchObject({ devices: [] })
  })

  test('cut-after-pair-success closes, in one of two ways', async () => {
    const number = newNumber()
    await behave(simulator, number, 'cut-after-pair-success')
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    expect((await enterCode(simulator, number, code)).body.screen).toBe('could not link')
    // Either the close comes first, or Baileys fails to write its signature and ends with the socket's error.
    expect((await companion.closed).message).toMatch(/Connection Terminated|EPIPE|ECONNRESET/)
    expect(await phoneReport(simulator, number)).toMatchObject({ devices: [] })
  })

  test.each(['close-instead-of-515', 'cut-after-signed'])('%s closes with 428, linked', async (behaviour) => {
    const number = newNumber()
    await behave(simulator, number, behaviour)
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    expect((await enterCode(simulator, number, code)).body.screen).toBe('linked')
    expect(await companion.closed).toMatchObject({ status: 428, message: 'Connection Terminated' })
    const restarted = connect(simulator, companion.auth)
    await restarted.opened
    await end(restarted)
  })

  test('no-close-after-pair leaves the connection up, linked', async () => {
    const number = newNumber()
    await behave(simulator, number, 'no-close-after-pair')
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    expect((await enterCode(simulator, number, code)).body.screen).toBe('linked')
    expect(companion.sock.ws.isOpen).toBe(true)
    await end(companion)
  })

  test('a disruption can be had at any stage', async () => {
    const number = newNumber()
    await behave(simulator, number, 'disrupt', { stage: 'finish', how: 'stream-error', params: { code: 503 } })
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    await enterCode(simulator, number, code)
    expect(await companion.closed).toMatchObject({ status: 503, message: 'Stream Errored (unknown)' })
  })
})

test('Baileys as it is accepts a forged account, and the service notices', async () => {
  verifyStrictly(false)
  const number = newNumber()
  await behave(simulator, number, 'forged-account-signature')
  await linkByCode(simulator, number)
  verifyStrictly()
  expect((await reportOf(simulator)).violations.counts).toMatchObject({ 'accepted-forged-account': 1 })
})

// Not concurrent with other tests: it makes Baileys trust another simulator, and that setting is for the whole process.
test('a code that is too old is refused', async () => {
  const impatient = await startSimulator({ timings: { codeLifetimeMs: -1 } })
  const number = newNumber()
  const companion = connect(impatient)
  const { code } = await companion.requestCode(number)
  expect((await enterCode(impatient, number, code)).body.screen).toBe('code expired')
  await end(companion)
  await impatient.close()
})
