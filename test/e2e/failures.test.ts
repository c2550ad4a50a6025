/**
 * Every failure that the simulated WhatsApp can produce has its error code, and leaves the mutex free: end-to-end case
 * 11.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { behaviours } from '../../simulator/phone/behaviours.ts'
import { conditions } from '../../simulator/service/conditions.ts'
import type { Client } from '../support/client.ts'
import { type Lanes, lanesOf } from '../support/lanes.ts'
import { link, manyEnds, outcomeOf, type Phone, type Stage, startStage, steadyLeases } from '../support/stage.ts'
import { type Tables, tablesOf } from '../support/tables.ts'
import {
  type Case,
  elsewhere,
  hangingService,
  refusedTwice,
  removed,
  untilTimeIsUp,
  whileLinking,
  wholeService,
} from './failure-cases.ts'

let stage: Stage
let lanes: Lanes
let tables: Tables
/** Log lines of the hosts about closed sessions, for the message of a test that met another close than it caused. */
const closes: string[] = []
beforeAll(async () => {
  stage = await startStage({
    hosts: 2,
    environment: { ...steadyLeases, ...manyEnds },
    log: (_source, line) => {
      if (line.includes('Session closed')) closes.push(line)
    },
  })
  lanes = await lanesOf(stage)
  tables = tablesOf(stage.run)
})
afterAll(async () => {
  tables?.close()
  await stage?.stop()
})

/** Checks that a new code is available at once, so that nothing of the failed attempt blocks it. */
async function isFree(client: Client): Promise<void> {
  const { phone } = stage.fresh()
  expect(await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })).toMatchObject({
    phoneNumber: phone.number,
  })
  await client.ask('cancel-pairing', 'pairing-cancelled')
}

/** Links a phone that behaves like that, and checks the outcome. Returns the company's state after it. */
async function stateAfter([behaviour, outcome, parameters = {}]: Case): Promise<CompanyState> {
  const { companyId, phone } = stage.fresh()
  await phone.behave(behaviour, parameters)
  const client = await stage.client(companyId)
  expect(await outcomeOf(client, phone)).toBe(outcome)
  const state = await tables.state(companyId)
  await phone.behave('ok')
  await isFree(client)
  await client.close()
  return state
}

describe.concurrent('what a phone, or WhatsApp on its behalf, does while it is being linked', () => {
  it.for(whileLinking)('%s: %s %j', async (each) => {
    await stateAfter(each)
  })

  it.for(refusedTwice)('%s: %s %j, credentials kept', async (each) => {
    const { credentials } = await stateAfter(each)
    expect(credentials).toBeDefined()
  })

  it.for(removed)('%s: %s %j, credentials retired', async (each) => {
    const { credentials } = await stateAfter(each)
    expect(credentials).toBeUndefined()
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

describe.concurrent('what interrupts a session: it connects again, with the same credentials', () => {
  it.for<[how: string, code: string, parameters?: object]>([
    ['replaced', 'SESSION_REPLACED'],
    ['cut', 'WHATSAPP_UNAVAILABLE'],
    ['close', 'WHATSAPP_UNAVAILABLE'],
    ['stream-error', 'WHATSAPP_UNAVAILABLE', { code: 503 }],
    ['stream-error', 'WHATSAPP_UNAVAILABLE', { code: 515 }],
    ['undecodable', 'WHATSAPP_UNAVAILABLE'],
    // Refusals: one more login shows whether they are meant (R46).
    ['stream-error', 'WHATSAPP_UNAVAILABLE', { code: 401 }],
    ['stream-error', 'WHATSAPP_UNAVAILABLE', { code: 516 }],
    ['conflict', 'WHATSAPP_UNAVAILABLE', { type: 'no-such-type' }],
  ])('%s: %s %j', async ([how, code, parameters = {}]) => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    const { credentials } = await tables.state(companyId)
    await phone.disrupt(how, parameters)
    const disconnected = await client.next('whatsapp-disconnected')
    expect(disconnected, seenOf(companyId)).toMatchObject({ code, willReconnect: true })
    await client.next('whatsapp-connected')
    expect(await client.ask('get-status', 'status')).toMatchObject({ session: 'connected' })
    expect(await tables.state(companyId)).toMatchObject({ credentials, cleanup: [] })
    await isFree(client)
    await client.close()
  })
})

describe.concurrent('what ends a session: logged out, and the next request makes a fresh link', () => {
  it.for<[name: string, end: (phone: Phone) => Promise<void>]>([
    ['the owner removes the device on the phone', (phone) => phone.unlink()],
    ['WhatsApp says that it was removed', (phone) => phone.disrupt('removed')],
    ['WhatsApp says so without a code (R46)', (phone) => phone.disrupt('conflict', { type: 'device_removed' })],
  ])('%s', async ([, end]) => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    await end(phone)
    const disconnected = await client.next('whatsapp-disconnected')
    expect(disconnected, seenOf(companyId)).toMatchObject({ code: 'LOGGED_OUT', willReconnect: false })
    expect(await client.ask('get-status', 'status')).toMatchObject({ session: 'logged-out' })
    expect(await tables.state(companyId)).not.toHaveProperty('credentials')
    expect(await outcomeOf(client, phone)).toBe('connected')
    await client.close()
  })
})

/** Log lines about the closes of a company's sessions. */
const seenOf = (companyId: string): string => closes.filter((line) => line.includes(`"${companyId}"`)).join('\n')

it('whatever the simulator can do has a test', () => {
  const names = [...Object.keys(behaviours), ...Object.keys(conditions)]
  const tested = [
    ...whileLinking,
    ...refusedTwice,
    ...removed,
    ...untilTimeIsUp,
    ...wholeService,
    ...hangingService,
  ].map(([name]) => name)
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
