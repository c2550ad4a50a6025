/** One session's trouble stays its own, and a service that is away costs time and nothing else (R41, R42; case 14). */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fault, FaultTarget } from '../../local/faults.ts'
import { type Company, type Fleet, fleetOf } from '../chaos/fleet.ts'
import { type Stage, startStage } from './stage.ts'

const outageMs = 10_000

let stage: Stage
let fleet: Fleet
let healthy: readonly Company[]
let victims: readonly Company[]
let pid: number | undefined

beforeAll(async () => {
  stage = await startStage({ hosts: 1, environment: { RECONNECTS_PER_SECOND: '20' } })
  fleet = fleetOf(stage)
  pid = (await stage.run.hosts())[0]?.pid
  healthy = await fleet.linkSome(8)
  victims = await fleet.linkSome(7)
}, 90_000)
afterAll(() => stage?.stop())

const loginsOf = async (companies: readonly Company[]): Promise<readonly number[]> =>
  (await Promise.all(companies.map(({ phone }) => phone.look()))).map(({ devices }) =>
    Number(Reflect.get(devices[0] ?? {}, 'logins')),
  )

async function away(
  target: FaultTarget,
  fault: Fault,
  during: () => Promise<void> = async () => undefined,
): Promise<void> {
  stage.run.faults.set(target, fault)
  try {
    await Promise.all([pause(outageMs), during()])
  } finally {
    stage.run.faults.set(target, { how: 'ok' })
  }
}

/** Nothing lost, doubled or stuck: every session is up again, and a company that was never seen can link. */
async function expectAllWell(): Promise<void> {
  await fleet.untilConnected([...healthy, ...victims], 20_000)
  const { violations, online } = await fleet.simulator()
  expect(violations.counts).toEqual({})
  expect(new Set(online).size).toBe(online.length)
  await fleet.linkSome(1)
  expect((await stage.run.hosts())[0]?.pid).toBe(pid)
}

describe('what happens to one session', () => {
  // A victim each: who has just failed waits longer the next time.
  it.each([...['undecryptable', 'undecodable', 'invalid-frame', 'xmlstreamend', 'cut'].entries()])(
    '%i: %s costs that session a reconnect and the others nothing',
    async (index, how) => {
      const victim = victims[index]
      if (!victim) throw new Error('nobody is linked')
      const before = await loginsOf(healthy)
      const [own = 0] = await loginsOf([victim])
      await victim.phone.disrupt(how)
      await expect.poll(async () => (await loginsOf([victim]))[0], { timeout: 10_000 }).toBeGreaterThan(own)
      await fleet.untilConnected([victim], 10_000)
      expect(await loginsOf(healthy)).toEqual(before)
      expect((await stage.run.hosts())[0]?.pid).toBe(pid)
    },
  )

  it.each([
    ['refuse-upgrade', { status: 503 }],
    ['handshake-garbage', {}],
    ['handshake-cut', {}],
  ])(
    'a WhatsApp with %s keeps those out that have lost their socket, until it is well; the others stay',
    async (behaviour, parameters) => {
      const before = await loginsOf(healthy)
      await stage.service(behaviour, parameters)
      try {
        await Promise.all(victims.slice(5).map(({ phone }) => phone.disrupt('cut')))
        const { companyId, phone } = stage.fresh()
        const client = await stage.client(companyId)
        expect(
          await client.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: phone.number }),
        ).toMatchObject({
          code: 'WHATSAPP_UNAVAILABLE',
          retryable: true,
        })
        await client.close()
      } finally {
        await stage.service('ok')
      }
      await fleet.untilConnected([...victims, ...healthy], 20_000)
      expect(await loginsOf(healthy)).toEqual(before)
    },
    40_000,
  )
})

describe('for ten seconds', () => {
  it('the management API away: what could not be pushed is seen by get-status', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const before = await loginsOf(healthy)
    await away('management', { how: 'down' }, async () => {
      client.send({ action: 'request-pairing-code', phoneNumber: phone.number })
      await expect
        .poll(async () => (await fleet.session(companyId)).attempt?.state, { timeout: outageMs })
        .toBe('code-issued')
    })
    const status = await client.ask('get-status', 'status')
    const { code } = status['attempt'] as { code: string }
    expect(code).toMatch(/^\w{4}-\w{4}$/)
    await phone.enterCode(code)
    await client.next('whatsapp-connected')
    expect(await loginsOf(healthy)).toEqual(before)
    await client.close()
  }, 30_000)

  it('SQS away: a request is refused or carried out late, and the next one works', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const before = await loginsOf(healthy)
    await away('sqs', { how: 'down' }, async () => {
      client.send({ action: 'request-pairing-code', phoneNumber: phone.number, requestId: 'away' })
      await client.next((frame) => frame['requestId'] === 'away', 25_000)
    })
    const issued = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await phone.enterCode(issued['code'])
    await client.next('whatsapp-connected')
    expect(await loginsOf(healthy)).toEqual(before)
    await client.close()
  }, 60_000)

  it('DynamoDB slow: no session notices', async () => {
    const before = await loginsOf(healthy)
    await away('dynamodb', { how: 'slow', ms: 1500 })
    await expectAllWell()
    expect(await loginsOf(healthy)).toEqual(before)
  }, 60_000)

  it.each(['down', 'silent'] as const)(
    'DynamoDB %s: sockets are closed before the leases run out, then everything is as it was',
    async (how) => {
      const { companyId, phone } = stage.fresh()
      const client = await stage.client(companyId)
      await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
      const before = await loginsOf(healthy)
      await away('dynamodb', { how }, async () => {
        await expect.poll(async () => (await fleet.simulator()).online.length, { timeout: 9500 }).toBe(0)
      })
      const again = async () => (await loginsOf(healthy)).map((logins, index) => logins - (before[index] ?? 0))
      await expect.poll(again, { timeout: 25_000 }).toEqual(healthy.map(() => 1))
      await expectAllWell()
      expect(await again()).toEqual(healthy.map(() => 1))
      // Its attempt went with the sockets, and the client can begin again at once.
      const issued = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
      expect(await phone.enterCode(issued['code'])).toBe('linked')
      await client.next('whatsapp-connected')
      await client.close()
    },
    60_000,
  )
})
