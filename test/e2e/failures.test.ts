/** Every failure that the simulated WhatsApp can produce quickly has its own code, and leaves the mutex free: case 11. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client, Frame } from './client.ts'
import { link, type Phone, type Stage, startStage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
}, 60_000)
afterAll(() => stage?.stop())

/** Asks, types the code when there is one, and returns how it ended: `connected`, or the error's code. */
async function outcomeOf(client: Client, phone: Phone): Promise<string> {
  const requestId = `failing-${phone.number}`
  client.send({ action: 'request-pairing-code', phoneNumber: phone.number, requestId })
  const isAnswer = ({ event }: Frame) => event === 'pairing-code' || event === 'pairing-code-error'
  const answer = await client.next(isAnswer)
  if (answer.event === 'pairing-code-error') return String(answer['code'])
  void phone.enterCode(answer['code'])
  const end = await client.next(({ event }) => event === 'whatsapp-connected' || event === 'pairing-code-error')
  return end.event === 'whatsapp-connected' ? 'connected' : String(end['code'])
}

/** A code is to be had at once: nothing of the failed attempt is in the way. */
async function isFree(client: Client): Promise<void> {
  const { phone } = stage.fresh()
  expect(await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })).toMatchObject({
    phoneNumber: phone.number,
  })
  await client.ask('cancel-pairing', 'pairing-cancelled')
}

describe.concurrent('what a phone, or WhatsApp on its behalf, does while it is being linked', () => {
  it.for<[behaviour: string, outcome: string, parameters?: object]>([
    ['forged-account-signature', 'CLIENT_REJECTED'],
    ['bad-hmac', 'CLIENT_REJECTED'],
    ['missing-device-identity', 'CLIENT_REJECTED'],
    ['passkey', 'PASSKEY_REQUIRED'],
    ['banned', 'ACCOUNT_RESTRICTED', { reason: 406 }],
    ['banned', 'ACCOUNT_RESTRICTED', { reason: 403 }],
    ['temporarily-banned', 'ACCOUNT_RESTRICTED'],
    ['outdated', 'CLIENT_OUTDATED'],
    ['login-fails-with', 'LOGGED_OUT', { reason: 401 }],
    ['unlink-before-login', 'LOGGED_OUT'],
    ['cut-after-hello', 'WHATSAPP_UNAVAILABLE'],
    ['cut-after-finish', 'WHATSAPP_UNAVAILABLE'],
    ['close-instead-of-515', 'connected'],
    ['no-close-after-pair', 'connected'],
    ['cut-after-signed', 'connected', { times: 1 }],
    ['cut-after-login', 'connected', { times: 1 }],
    ['cut-after-success', 'connected', { times: 1 }],
    ['login-fails-with', 'connected', { reason: 503, times: 1 }],
    ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'stream-error', stage: 'hello', params: { code: 503 } }],
    ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'xmlstreamend', stage: 'hello' }],
    ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'invalid-frame', stage: 'hello' }],
    ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'undecodable', stage: 'hello' }],
    ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'replaced', stage: 'hello' }],
  ])('%s: %s %j', async ([behaviour, outcome, parameters = {}]) => {
    const { companyId, phone } = stage.fresh()
    await phone.behave(behaviour, parameters)
    const client = await stage.client(companyId)
    expect(await outcomeOf(client, phone)).toBe(outcome)
    await phone.behave('ok')
    await isFree(client)
    await client.close()
  })
})

describe('what is wrong with WhatsApp as a whole', () => {
  it.each<[behaviour: string, code: string, parameters?: object]>([
    ['down', 'WHATSAPP_UNAVAILABLE'],
    ['refuse-upgrade', 'WHATSAPP_UNAVAILABLE'],
    ['handshake-cut', 'WHATSAPP_UNAVAILABLE'],
    ['handshake-garbage', 'WHATSAPP_UNAVAILABLE'],
    ['handshake-other-key', 'WHATSAPP_UNAVAILABLE'],
    ['forged-certificate', 'WHATSAPP_UNAVAILABLE'],
    ['cut-after-handshake', 'WHATSAPP_UNAVAILABLE'],
    ['cut-after-pair-device', 'WHATSAPP_UNAVAILABLE'],
    ['registration-fails-with', 'CLIENT_OUTDATED', { reason: 405 }],
    ['registration-fails-with', 'ACCOUNT_RESTRICTED', { reason: 403 }],
    ['registration-fails-with', 'CLIENT_REJECTED', { reason: 400 }],
    ['registration-fails-with', 'CLIENT_REJECTED', { reason: 401 }],
    ['registration-fails-with', 'WHATSAPP_UNAVAILABLE', { reason: 503 }],
  ])('%s: %s %j', async (behaviour, code, parameters = {}) => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    await stage.service(behaviour, parameters)
    expect(await outcomeOf(client, phone)).toBe(code)
    await stage.service('ok')
    await isFree(client)
    await client.close()
  })
})

describe.concurrent('what ends or interrupts a session', () => {
  it.for<[how: string, code: string, willReconnect: boolean, session: string, parameters?: object]>([
    ['removed', 'LOGGED_OUT', false, 'logged-out'],
    ['replaced', 'SESSION_REPLACED', true, 'connected'],
    ['cut', 'WHATSAPP_UNAVAILABLE', true, 'connected'],
    ['close', 'WHATSAPP_UNAVAILABLE', true, 'connected'],
    ['stream-error', 'WHATSAPP_UNAVAILABLE', true, 'connected', { code: 503 }],
    ['stream-error', 'WHATSAPP_UNAVAILABLE', true, 'connected', { code: 515 }],
    ['undecodable', 'WHATSAPP_UNAVAILABLE', true, 'connected'],
  ])('%s: %s, reconnects: %s, then %s %j', async ([how, code, willReconnect, session, parameters = {}]) => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    await phone.disrupt(how, parameters)
    expect(await client.next('whatsapp-disconnected')).toMatchObject({ code, willReconnect })
    if (willReconnect) await client.next('whatsapp-connected')
    expect(await client.ask('get-status', 'status')).toMatchObject({ session })
    await isFree(client)
    await client.close()
  })

  it('the owner removes the device on the phone: logged out, and the next request makes a fresh link', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    await phone.unlink()
    expect(await client.next('whatsapp-disconnected')).toMatchObject({ code: 'LOGGED_OUT', willReconnect: false })
    expect(await outcomeOf(client, phone)).toBe('connected')
    await client.close()
  })
})

describe('codes', () => {
  it('typed wrong, then right: the phone has answered twice, and is linked', async () => {
    const { companyId, phone } = stage.fresh()
    await phone.behave('wrong-code', { times: 1 })
    const client = await stage.client(companyId)
    const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    expect(await phone.enterCode(code)).toBe('wrong code')
    expect(await phone.enterCode(code)).toBe('linked')
    await client.next('whatsapp-connected')
    await client.close()
  })

  it('WhatsApp’s own 429 cools that phone down, whoever asks; other phones go on', async () => {
    const { companyId, phone } = stage.fresh()
    await phone.behave('rate-limited', { times: 1 })
    const client = await stage.client(companyId)
    const refused = await client.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: phone.number })
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', attemptId: expect.any(String) })
    const other = await stage.client(stage.fresh().companyId)
    const cooling = await other.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: phone.number })
    expect(cooling).toMatchObject({ code: 'RATE_LIMITED', action: 'wait', retryAfter: expect.any(Number) })
    // Refused before anything was started, and without asking WhatsApp again.
    expect(cooling).not.toHaveProperty('attemptId')
    expect((await phone.look()).companionHellos).toBe(1)
    await isFree(client)
    await Promise.all([client.close(), other.close()])
  })

  it('are five for a phone in ten minutes, whoever asks; the sixth says how long to wait', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    for (let n = 0; n < 5; n++) {
      await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
      await client.ask('cancel-pairing', 'pairing-cancelled')
    }
    const other = await stage.client(stage.fresh().companyId)
    const refused = await other.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: phone.number })
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', action: 'wait' })
    expect(Number(refused['retryAfter'])).toBeLessThanOrEqual(600)
    await Promise.all([client.close(), other.close()])
  })
})
