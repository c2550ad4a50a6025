/**
 * A stored link is never lost by accident: not by what WhatsApp answers, and not by what its owner asks for meanwhile
 * (R8, R9, R11, R45 to R48).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { restartHosts } from '../support/linked-fleet.ts'
import { type Stage, startStage, steadyLeases } from '../support/stage.ts'
import { ask, askInVain, linkedOn, linkIn, refusedAtOnce, stopBy, timeOf } from '../support/stored-link.ts'
import { type Tables, tablesOf } from '../support/tables.ts'

let stage: Stage
let tables: Tables
beforeAll(async () => {
  stage = await startStage({ environment: steadyLeases })
  tables = tablesOf(stage.run)
})
afterAll(async () => {
  tables?.close()
  await stage?.stop()
})

/** A host tries one session a minute whose stop is not its account's. */
const nextTryMs = 90_000

const linked = () => linkedOn(stage)
const linkOf = (company: Parameters<typeof linkIn>[1]) => linkIn(tables, company)

describe.concurrent('while WhatsApp refuses this version (405)', () => {
  it('every request is refused at once, nothing is lost or spent, and the session comes back by itself', async () => {
    const own = await linked()
    const other = stage.fresh().phone
    const before = await linkOf(own)
    expect(await stopBy(own, 'outdated')).toMatchObject({ code: 'CLIENT_OUTDATED' })
    // A phone has five codes in ten minutes: these would be too many.
    for (let request = 0; request < 6; request++) {
      for (const phone of [own.phone, other])
        expect(await refusedAtOnce(own.client, phone, 'CLIENT_OUTDATED')).toBeLessThanOrEqual(60)
    }
    expect(await linkOf(own)).toEqual(before)
    await own.phone.behave('ok')
    await own.client.next('whatsapp-connected', nextTryMs)
    expect(await linkOf(own)).toEqual(before)
    await ask(own.client, other)
    await own.client.close()
  })

  it('a link that has just been made is kept, and comes back by itself', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    await phone.behave('outdated')
    const { code } = await ask(client, phone)
    expect(await phone.enterCode(code)).toBe('linked')
    expect(await client.next('pairing-code-error')).toMatchObject({ code: 'CLIENT_OUTDATED' })
    await refusedAtOnce(client, phone, 'CLIENT_OUTDATED')
    await refusedAtOnce(client, stage.fresh().phone, 'CLIENT_OUTDATED')
    const before = await linkOf({ companyId, phone })
    expect(before).toMatchObject({ generation: expect.any(String), cleanup: [], devices: [1] })
    await phone.behave('ok')
    await client.next('whatsapp-connected', nextTryMs)
    expect(await linkOf({ companyId, phone })).toEqual(before)
    await client.close()
  })

  it('a session is reset all the same, and the next request gets a code', async () => {
    const own = await linked()
    await stopBy(own, 'outdated')
    await refusedAtOnce(own.client, own.phone, 'CLIENT_OUTDATED')
    const reset = await own.client.ask('reset-whatsapp-credentials', 'credentials-reset')
    expect(reset).toMatchObject({ success: true, unlinked: 'unconfirmed' })
    await ask(own.client, own.phone)
    await own.client.close()
  })
})

describe.concurrent('a first login', () => {
  it('that takes longer than a minute ends the attempt and not the link', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    await phone.behave('login-fails-with', { reason: 503 })
    const { code } = await ask(client, phone)
    expect(await phone.enterCode(code)).toBe('linked')
    expect(await client.next('pairing-code-error', nextTryMs)).toMatchObject({ code: 'PAIRING_TIMEOUT' })
    const before = await linkOf({ companyId, phone })
    expect(before).toMatchObject({ generation: expect.any(String), cleanup: [], devices: [1] })
    expect(await client.ask('get-status', 'status')).toMatchObject({ session: 'reconnecting' })
    await phone.behave('ok')
    // No code: the phone is linked, and its session is hurried.
    await client.ask('request-pairing-code', 'whatsapp-connected', { phoneNumber: phone.number })
    expect(await linkOf({ companyId, phone })).toEqual(before)
    await client.close()
  })
})

describe.concurrent('while the account is restricted for a time (402)', () => {
  it('no code helps its phone, and another phone takes its place with its first code only', async () => {
    const own = await linked()
    const other = stage.fresh().phone
    const before = await linkOf(own)
    expect(await stopBy(own, 'temporarily-banned', { expire: 3600 })).toMatchObject({ code: 'ACCOUNT_RESTRICTED' })
    const retryAfter = await refusedAtOnce(own.client, own.phone, 'ACCOUNT_RESTRICTED')
    expect(retryAfter).toBeGreaterThan(3500)
    expect(retryAfter).toBeLessThanOrEqual(3600)
    await other.behave('not-registered')
    expect(await askInVain(own.client, other)).toMatchObject({ code: 'INVALID_PHONE' })
    expect(await linkOf(own)).toEqual(before)
    await other.behave('ok')
    await ask(own.client, other)
    const { generation } = before
    expect(await linkOf(own)).toMatchObject({
      generation: undefined,
      cleanup: [{ generation, reason: 'phone-change' }],
    })
    await own.client.close()
  })

  it('the session logs in by itself when the time has come', async () => {
    const own = await linked()
    const before = await linkOf(own)
    const end = await stopBy(own, 'temporarily-banned', { expire: 5 })
    expect(end).toMatchObject({ code: 'ACCOUNT_RESTRICTED' })
    await own.phone.behave('ok')
    const connected = await own.client.next('whatsapp-connected')
    // Its clock begins when WhatsApp refuses the login, shortly before the end is told.
    expect(timeOf(connected) - timeOf(end)).toBeGreaterThan(4000)
    expect(await linkOf(own)).toEqual(before)
    await own.client.close()
  })
})

describe.concurrent('while the account is locked (403)', () => {
  it('its link stays until a new one of the same phone is installed', async () => {
    const own = await linked()
    const before = await linkOf(own)
    expect(await stopBy(own, 'banned', { reason: 403 })).toMatchObject({ code: 'ACCOUNT_RESTRICTED' })
    await ask(own.client, own.phone)
    await own.client.ask('cancel-pairing', 'pairing-cancelled')
    expect(await linkOf(own)).toEqual(before)
    await own.phone.behave('ok')
    const { code } = await ask(own.client, own.phone)
    expect(await linkOf(own)).toEqual(before)
    expect(await own.phone.enterCode(code)).toBe('linked')
    await own.client.next('whatsapp-connected')
    const { generation, cleanup } = await linkOf(own)
    expect(generation).not.toBe(before.generation)
    expect(cleanup).toMatchObject([{ generation: before.generation, reason: 'replaced' }])
    await expect.poll(async () => (await linkOf(own)).devices).toEqual([2])
    await own.client.close()
  })

  it('another phone takes its place with its first code only', async () => {
    const own = await linked()
    const other = stage.fresh().phone
    const before = await linkOf(own)
    await stopBy(own, 'banned', { reason: 403 })
    await other.behave('forbidden')
    expect(await askInVain(own.client, other)).toMatchObject({ code: 'CLIENT_REJECTED' })
    expect(await linkOf(own)).toEqual(before)
    await other.behave('ok')
    await ask(own.client, other)
    expect(await linkOf(own)).toMatchObject({ cleanup: [{ generation: before.generation, reason: 'phone-change' }] })
    await own.client.close()
  })
})

describe.concurrent('when WhatsApp refuses a login (401)', () => {
  it('once, the session comes back with the same credentials', async () => {
    const own = await linked()
    const before = await linkOf(own)
    await own.phone.behave('login-fails-with', { reason: 401, times: 1 })
    await own.phone.disrupt('cut')
    expect(await own.client.next('whatsapp-disconnected')).toMatchObject({ willReconnect: true })
    await own.client.next('whatsapp-connected')
    expect(own.client.frames.filter(({ event }) => event === 'whatsapp-disconnected')).toHaveLength(1)
    expect(await linkOf(own)).toEqual(before)
    await own.client.close()
  })

  it('twice, its owner is told, and the credentials stay until a new link is installed', async () => {
    const own = await linked()
    const before = await linkOf(own)
    expect(await stopBy(own, 'login-fails-with', { reason: 401 })).toMatchObject({ code: 'LOGGED_OUT' })
    expect(await own.client.ask('get-status', 'status')).toMatchObject({ session: 'logged-out' })
    await own.phone.behave('ok')
    const { code } = await ask(own.client, own.phone)
    expect(await linkOf(own)).toEqual(before)
    expect(await own.phone.enterCode(code)).toBe('linked')
    await own.client.next('whatsapp-connected')
    expect((await linkOf(own)).cleanup).toMatchObject([{ generation: before.generation, reason: 'replaced' }])
    await own.client.close()
  })
})

describe.concurrent('another phone that gets no code', () => {
  it.for([
    ['not-registered', 'INVALID_PHONE'],
    ['rate-limited', 'RATE_LIMITED'],
    ['silent', 'PAIRING_TIMEOUT'],
  ] as const)('takes nothing away: %s', async ([behaviour, code]) => {
    const own = await linked()
    const other = stage.fresh().phone
    const before = await linkOf(own)
    await other.behave(behaviour)
    expect(await askInVain(own.client, other)).toMatchObject({ code, attemptId: expect.any(String) })
    expect(await own.client.ask('get-status', 'status')).toMatchObject({ session: 'connected' })
    expect(await linkOf(own)).toEqual(before)
    await own.client.close()
  })
})

// These tests change what WhatsApp is to the host, or the host itself, so they run alone.
describe('a connected session', () => {
  it.each([
    [405, 'CLIENT_OUTDATED'],
    [503, 'WHATSAPP_UNAVAILABLE'],
  ])('outlasts a request for another phone that cannot register (%i)', async (reason, code) => {
    const own = await linked()
    const before = await linkOf(own)
    await stage.service('registration-fails-with', { reason })
    try {
      expect(await askInVain(own.client, stage.fresh().phone)).toMatchObject({ code })
    } finally {
      await stage.service('ok')
    }
    expect(await own.client.ask('get-status', 'status')).toMatchObject({ session: 'connected' })
    expect(await linkOf(own)).toEqual(before)
    expect((await own.phone.look()).devices).toMatchObject([{ online: true, logins: 1 }])
    await own.client.close()
  })
})

describe('a request that waits for a session', () => {
  it('gets a code when the session turns out to have ended', async () => {
    const own = await linked()
    const before = await linkOf(own)
    await stage.service('down')
    try {
      await own.client.next('whatsapp-disconnected')
      await own.client.ask('request-pairing-code', 'pairing-started', { phoneNumber: own.phone.number })
      await own.phone.behave('banned', { reason: 403 })
    } finally {
      await stage.service('ok')
    }
    expect(await own.client.next('pairing-code')).toMatchObject({ expiresIn: expect.any(Number) })
    expect(await linkOf(own)).toEqual(before)
    await own.client.close()
  })
})

describe('a host that takes over', () => {
  it('tries a session at once that was refused for its version, later a banned one, and a locked one never', async () => {
    const [outdated, banned, locked] = await Promise.all([linked(), linked(), linked()])
    const all = [outdated, banned, locked]
    const before = await Promise.all(all.map(linkOf))
    const [, ban] = await Promise.all([
      stopBy(outdated, 'outdated'),
      stopBy(banned, 'temporarily-banned', { expire: 25 }),
      stopBy(locked, 'banned', { reason: 403 }),
    ])
    await Promise.all(all.map(({ phone }) => phone.behave('ok')))
    await restartHosts(stage.run)
    const [first, second] = await Promise.all([outdated, banned].map(({ client }) => client.next('whatsapp-connected')))
    expect(timeOf(second) - timeOf(ban)).toBeGreaterThan(24_000)
    expect(timeOf(first)).toBeLessThan(timeOf(second))
    expect(await locked.client.ask('get-status', 'status')).toMatchObject({ session: 'stopped' })
    expect(await Promise.all(all.map(linkOf))).toEqual(before)
    await Promise.all(all.map(({ client }) => client.close()))
  })
})
