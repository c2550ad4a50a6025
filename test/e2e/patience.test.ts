/**
 * Codes with a lifetime of two seconds and a deadline of ten, and the policy `keep-until-linked` for a phone change
 * (R8, R19).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lanes, lanesOf } from '../support/lanes.ts'
import { link, outcomeOf, type Stage, startStage, steadyLeases } from '../support/stage.ts'
import { hangingService, untilTimeIsUp } from './failure-cases.ts'

let stage: Stage
let lanes: Lanes
beforeAll(async () => {
  const environment = {
    CODE_LIFETIME_SECONDS: '2',
    ...steadyLeases,
    CODE_DEADLINE_SECONDS: '10',
    PHONE_CHANGE_POLICY: 'keep-until-linked',
  }
  stage = await startStage({ hosts: 2, environment })
  lanes = await lanesOf(stage)
})
afterAll(() => stage?.stop())

describe('a code that has expired', () => {
  it('is said to be, and links all the same when it is typed late', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    expect(await client.next('pairing-code-error')).toMatchObject({ code: 'CODE_EXPIRED', retryable: true })
    expect(await phone.enterCode(code)).toBe('linked')
    await client.next('whatsapp-connected')
    await client.close()
  })

  it('gives way to a new request at once', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const old = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await client.next('pairing-code-error')
    const fresh = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    expect(fresh['code']).not.toBe(old['code'])
    expect(await phone.enterCode(fresh['code'])).toBe('linked')
    await client.next('whatsapp-connected')
    await client.close()
  })
})

describe.concurrent('what only time can tell', () => {
  it.for(untilTimeIsUp)('%s: %s %j', async ([behaviour, outcome, parameters = {}]) => {
    const { companyId, phone } = stage.fresh()
    await phone.behave(behaviour, parameters)
    const client = await stage.client(companyId)
    expect(await outcomeOf(client, phone)).toBe(outcome)
    await phone.behave('ok')
    // The next code is available at once.
    await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await client.close()
  })
})

// These tests run concurrently with each other, but not with others, because each takes a host for itself.
describe('a WhatsApp that hangs without any event', () => {
  it.concurrent.for(hangingService)('%s: %s', ([behaviour, code]) =>
    lanes.use(async ({ company: { companyId, phone }, service }) => {
      const client = await stage.client(companyId)
      await service(behaviour)
      expect(await outcomeOf(client, phone)).toBe(code)
      await service('ok')
      await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
      await client.close()
    }),
  )
})

describe('keep-until-linked', () => {
  it('keeps the old phone connected while the new one is being linked, then removes its device', async () => {
    const { companyId, phone } = stage.fresh()
    const other = stage.fresh().phone
    const client = await link(stage, companyId, phone)
    const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: other.number })
    const during = await client.ask('get-status', 'status')
    expect(during).toMatchObject({ session: 'connected', attempt: { phoneNumber: other.number } })
    expect((await phone.look()).devices).toMatchObject([{ online: true }])
    expect(await other.enterCode(code)).toBe('linked')
    expect(await client.next('whatsapp-connected')).toMatchObject({ phoneNumber: other.number })
    await expect.poll(async () => (await phone.look()).devices.length).toBe(0)
    await client.close()
  })

  it('leaves the old phone as it was when the new one gives up', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: stage.fresh().phone.number })
    await client.ask('cancel-pairing', 'pairing-cancelled')
    expect(await client.ask('get-status', 'status')).toMatchObject({ session: 'connected' })
    expect((await phone.look()).devices).toMatchObject([{ online: true }])
    await client.close()
  })
})
