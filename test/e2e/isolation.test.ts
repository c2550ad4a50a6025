/**
 * A failure of one session affects no other, and an unavailable service causes only delays (R41, R42; end-to-end case
 * 14).
 */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fault, FaultTarget } from '../../local/faults.ts'
import { type Company, type Fleet, fleetOf } from '../support/fleet.ts'
import { loginsOf, restartHosts, seedLinked, untilShownConnected, whatsAppView } from '../support/linked-fleet.ts'
import { type Phone, type Stage, startStage } from '../support/stage.ts'

const outageMs = 10_000

/** Hazards that end a socket at once, or would end the process without the host's protection. */
const sudden = ['undecryptable', 'undecodable', 'invalid-frame', 'xmlstreamend', 'cut']
/**
 * Hazards in which a socket hangs without an event. They are noticed after up to a minute, so they are caused first and
 * checked later.
 */
const creeping: Readonly<Record<string, (phone: Phone) => Promise<void>>> = {
  mute: (phone) => phone.disrupt('mute'),
  vanish: (phone) => phone.disrupt('vanish'),
  'prekey-count-silent': (phone) => comeBackTo(phone, 'prekey-count-silent'),
  'passive-silent': (phone) => comeBackTo(phone, 'passive-silent'),
  'upgrade-hangs': (phone) => comeBackInto(phone, 'upgrade-hangs', ({ unanswered }) => unanswered),
  'handshake-silent': (phone) => comeBackInto(phone, 'handshake-silent', ({ total }) => total),
}
/** Time limit from the hazard to a session that works again: Baileys needs up to 65 s to notice a missed keep-alive. */
const creepingMs = 120_000
/** Long enough for a busy machine. */
const patienceMs = 120_000

let stage: Stage
let fleet: Fleet
let healthy: readonly Company[]
let victims: readonly Company[]
let slowVictims: readonly Company[]
let pid: number | undefined

beforeAll(async () => {
  stage = await startStage({ hosts: 1 })
  fleet = fleetOf(stage)
  const companies = Array.from({ length: 34 }, () => stage.fresh())
  healthy = companies.slice(0, 20)
  victims = companies.slice(20, 27)
  slowVictims = companies.slice(27, 27 + Object.keys(creeping).length)
  await seedLinked(stage.run, companies.map(asLinked))
  await restartHosts(stage.run)
  await untilConnected(companies)
  pid = (await stage.run.hosts())[0]?.pid
})
afterAll(() => stage?.stop())

const logins = (companies: readonly Company[]) =>
  loginsOf(
    stage.run,
    companies.map(({ phone }) => phone.number),
  )

const asLinked = ({ companyId, phone }: Company) => ({ companyId, phone: phone.number })
const untilConnected = (companies: readonly Company[]) =>
  untilShownConnected(stage, companies.map(asLinked), patienceMs)

async function comeBackTo(phone: Phone, behaviour: string): Promise<void> {
  await phone.behave(behaviour, { times: 1 })
  await phone.disrupt('cut')
}

/**
 * Makes the session's next connection meet a WhatsApp in this condition; for all other connections WhatsApp works
 * again.
 */
async function comeBackInto(
  phone: Phone,
  condition: string,
  count: (connections: { unanswered: number; total: number }) => number,
): Promise<void> {
  const before = count((await whatsAppView(stage.run)).connections)
  await stage.service(condition)
  await phone.disrupt('cut')
  await expect.poll(async () => count((await whatsAppView(stage.run)).connections)).toBeGreaterThan(before)
  await stage.service('ok')
}

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

/** Checks that no session is lost, doubled or stuck, and that a new company can link. */
async function expectAllWell(): Promise<void> {
  await untilConnected([...healthy, ...victims])
  const { violations, online } = await whatsAppView(stage.run)
  expect(violations.counts).toEqual({})
  expect(new Set(online).size).toBe(online.length)
  await fleet.linkSome(1)
  expect((await stage.run.hosts())[0]?.pid).toBe(pid)
}

describe('what happens to one session', () => {
  it('may take a while to be seen', async () => {
    const before = await logins(healthy)
    for (const [index, provoke] of Object.values(creeping).entries()) {
      const victim = slowVictims[index]
      if (!victim) throw new Error('nobody is linked')
      await provoke(victim.phone)
    }
    expect(await logins(healthy)).toEqual(before)
  })

  // Each test has a session of its own: a session that has just failed waits longer the next time.
  it.each([...sudden.entries()])('%i: %s costs that session a reconnect and the others nothing', async (index, how) => {
    const victim = victims[index]
    if (!victim) throw new Error('nobody is linked')
    const before = await logins(healthy)
    const [own = 0] = await logins([victim])
    await victim.phone.disrupt(how)
    await expect.poll(async () => (await logins([victim]))[0]).toBeGreaterThan(own)
    await untilConnected([victim])
    expect(await logins(healthy)).toEqual(before)
    expect((await stage.run.hosts())[0]?.pid).toBe(pid)
  })

  it.each([
    ['refuse-upgrade', { status: 503 }],
    ['handshake-garbage', {}],
    ['handshake-cut', {}],
  ])(
    'a WhatsApp with %s keeps those out that have lost their socket, until it is well; the others stay',
    async (behaviour, parameters) => {
      const before = await logins(healthy)
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
      await untilConnected([...victims, ...healthy])
      expect(await logins(healthy)).toEqual(before)
    },
  )
})

describe('for ten seconds', () => {
  it('the management API away: what could not be pushed is seen by get-status', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const before = await logins(healthy)
    await away('management', { how: 'down' }, async () => {
      client.send({ action: 'request-pairing-code', phoneNumber: phone.number })
      await expect.poll(async () => (await fleet.session(companyId)).attempt?.state).toBe('code-issued')
    })
    const status = await client.ask('get-status', 'status')
    const { code } = status['attempt'] as { code: string }
    expect(code).toMatch(/^\w{4}-\w{4}$/)
    await phone.enterCode(code)
    await client.next('whatsapp-connected')
    expect(await logins(healthy)).toEqual(before)
    await client.close()
  })

  it('SQS away: a request is refused or carried out late, and the next one works', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const before = await logins(healthy)
    await away('sqs', { how: 'down' }, async () => {
      client.send({ action: 'request-pairing-code', phoneNumber: phone.number, requestId: 'away' })
      await client.next((frame) => frame['requestId'] === 'away')
    })
    const issued = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await phone.enterCode(issued['code'])
    await client.next('whatsapp-connected')
    expect(await logins(healthy)).toEqual(before)
    await client.close()
  })

  it('DynamoDB slow: no session notices', async () => {
    const before = await logins(healthy)
    await away('dynamodb', { how: 'slow', ms: 1500 })
    await expectAllWell()
    expect(await logins(healthy)).toEqual(before)
  })

  it(
    `${Object.keys(creeping).join(', ')}: each has cost its session a reconnect and the others nothing`,
    async () => {
      // A start-up of a session that hangs counts as a login, too.
      const isBack = async () => (await logins(slowVictims)).map((count) => count > 1)
      await expect.poll(isBack, { timeout: creepingMs }).toEqual(slowVictims.map(() => true))
      await untilConnected(slowVictims)
      await expectAllWell()
    },
    2 * creepingMs,
  )

  it.each(['down', 'silent'] as const)(
    'DynamoDB %s: sockets are closed while it is away, then everything is as it was',
    async (how) => {
      const { companyId, phone } = stage.fresh()
      const client = await stage.client(companyId)
      await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
      const before = await logins(healthy)
      await away('dynamodb', { how }, async () => {
        await expect.poll(async () => (await whatsAppView(stage.run)).online.length, { interval: 200 }).toBe(0)
      })
      const again = async () => (await logins(healthy)).map((count, index) => count - (before[index] ?? 0))
      await expect.poll(again, { interval: 200 }).toEqual(healthy.map(() => 1))
      await expectAllWell()
      expect(await again()).toEqual(healthy.map(() => 1))
      // The attempt ended with the sockets, and the client can start again at once.
      const issued = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
      expect(await phone.enterCode(issued['code'])).toBe('linked')
      await client.next('whatsapp-connected')
      await client.close()
    },
  )
})
