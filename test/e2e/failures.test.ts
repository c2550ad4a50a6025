/**
 * Every failure that the simulated WhatsApp can produce has its error code, and leaves the mutex free: end-to-end case
 * 11.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { behaviours } from '../../simulator/phone/behaviours.ts'
import { conditions } from '../../simulator/service/conditions.ts'
import type { Client } from '../support/client.ts'
import { type Lanes, lanesOf } from '../support/lanes.ts'
import { link, outcomeOf, type Stage, startStage, steadyLeases } from '../support/stage.ts'
import { elsewhere, hangingService, untilTimeIsUp, whileLinking, wholeService } from './failure-cases.ts'

let stage: Stage
let lanes: Lanes
/** Log lines of the hosts about closed sessions, for the message of a test that met another close than it caused. */
const closes: string[] = []
beforeAll(async () => {
  // The tests make more attempts per minute than a host of this size admits by default.
  stage = await startStage({
    hosts: 2,
    environment: { ...steadyLeases, ATTEMPTS_PER_SECOND: '20' },
    log: (_source, line) => {
      if (line.includes('Session closed')) closes.push(line)
    },
  })
  lanes = await lanesOf(stage)
})
afterAll(() => stage?.stop())

/** Checks that a new code is available at once, so that nothing of the failed attempt blocks it. */
async function isFree(client: Client): Promise<void> {
  const { phone } = stage.fresh()
  expect(await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })).toMatchObject({
    phoneNumber: phone.number,
  })
  await client.ask('cancel-pairing', 'pairing-cancelled')
}

describe.concurrent('what a phone, or WhatsApp on its behalf, does while it is being linked', () => {
  it.for(whileLinking)('%s: %s %j', async ([behaviour, outcome, parameters = {}]) => {
    const { companyId, phone } = stage.fresh()
    await phone.behave(behaviour, parameters)
    const client = await stage.client(companyId)
    expect(await outcomeOf(client, phone)).toBe(outcome)
    await phone.behave('ok')
    await isFree(client)
    await client.close()
  })
})

// These tests run concurrently with each other, but not with others, because each takes a host for itself.
describe('what is wrong with WhatsApp as a whole', () => {
  it.concurrent.for(wholeService)('%s: %s %j', ([behaviour, code, parameters = {}]) =>
    lanes.use(async ({ company: { companyId, phone }, service }) => {
      const client = await stage.client(companyId)
      await service(behaviour, parameters)
      expect(await outcomeOf(client, phone)).toBe(code)
      await service('ok')
      await isFree(client)
      await client.close()
    }),
  )
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
    const disconnected = await client.next('whatsapp-disconnected')
    const seen = closes.filter((line) => line.includes(`"${companyId}"`)).join('\n')
    expect(disconnected, seen).toMatchObject({ code, willReconnect })
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

it('whatever the simulator can do has a test', () => {
  const names = [...Object.keys(behaviours), ...Object.keys(conditions)]
  const tested = [...whileLinking, ...untilTimeIsUp, ...wholeService, ...hangingService].map(([name]) => name)
  const known = new Set([...tested, ...Object.keys(elsewhere)])
  expect(names.filter((name) => !known.has(name))).toEqual([])
  expect(
    [...known].filter((name) => !names.includes(name)),
    'no name without a behaviour',
  ).toEqual([])
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
    // The request is refused before an attempt starts, and without asking WhatsApp again.
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
