/** Stored credentials, resets and interference never block a pairing: end-to-end cases 3, 6, 8 and 10. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from '../support/client.ts'
import { link, type Phone, type Stage, startStage, steadyLeases } from '../support/stage.ts'
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

const devicesOf = async (phone: Phone) => (await phone.look()).devices.length
/** Polls until the condition holds. `expect.poll` does not support concurrent tests. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Not within a minute: ${what}`)
    await pause(100)
  }
}
const removed = (phone: Phone) => until('the device is removed', async () => (await devicesOf(phone)) === 0)
const credentialsPath = (companyId: string) => `/api/whatsapp/sessions/${companyId}/credentials`
const admin = { role: 'admin' } as const

/** Requests a code, types it, and waits for the connection, to prove that nothing left from before blocks the pairing. */
async function pairs(client: Client, phone: Phone): Promise<void> {
  const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
  expect(await phone.enterCode(code)).toBe('linked')
  expect(await client.next('whatsapp-connected')).toMatchObject({ phoneNumber: phone.number })
}

describe.concurrent('stored credentials of another phone', () => {
  it('leave by themselves: the new phone links at the first try, the old one loses its device', async () => {
    const { companyId, phone } = stage.fresh()
    const other = stage.fresh().phone
    const client = await link(stage, companyId, phone)
    await pairs(client, other)
    await removed(phone)
    expect((await other.look()).devices).toMatchObject([{ online: true }])
    const status = await stage.http('GET', `${credentialsPath(companyId)}/status`, admin)
    expect(status.body).toMatchObject({ hasCredentials: true, storedPhone: other.number })
    await until('one generation is left', async () => generationsOf(await tables.credentialRows(companyId)) === 1)
    await client.close()
  })

  it('stay when the new phone is mistyped', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    await client.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: '1111111111' })
    expect(await client.ask('get-status', 'status')).toMatchObject({ session: 'connected' })
    expect(await devicesOf(phone)).toBe(1)
    await client.close()
  })

  it('leave also when their socket is dead', async () => {
    const { companyId, phone } = stage.fresh()
    const other = stage.fresh().phone
    const client = await link(stage, companyId, phone)
    await phone.disrupt('vanish')
    await pairs(client, other)
    await removed(phone)
    await client.close()
  })
})

const generationsOf = (rows: readonly { readonly [name: string]: unknown }[]) => new Set(rows.map(({ pk }) => pk)).size

describe('reset with a dead socket', () => {
  it('over the WebSocket answers without waiting for it, and the device goes as soon as it can', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    await phone.disrupt('vanish')
    const reset = await client.ask('reset-whatsapp-credentials', 'credentials-reset')
    expect(['confirmed', 'unconfirmed']).toContain(reset['unlinked'])
    await pairs(client, phone)
    await until('only the new device is left', async () => (await devicesOf(phone)) === 1)
    await client.close()
  })

  it('while WhatsApp is away: unconfirmed over the WebSocket, pending over HTTP, made up for later', async () => {
    const [first, second] = [stage.fresh(), stage.fresh()]
    const clients = await Promise.all([first, second].map(({ companyId, phone }) => link(stage, companyId, phone)))
    const [webSocket, http] = clients as [Client, Client]
    await stage.service('down')
    const pending = await stage.http('DELETE', credentialsPath(second.companyId), admin)
    expect(pending.body).toEqual({ success: true, message: 'Credentials deleted', unlinked: 'pending' })
    expect((await stage.http('GET', `${credentialsPath(second.companyId)}/status`, admin)).body).toMatchObject({
      hasCredentials: false,
      storedPhone: null,
    })
    expect(await webSocket.ask('reset-whatsapp-credentials', 'credentials-reset')).toMatchObject({
      success: true,
      unlinked: 'unconfirmed',
    })
    await stage.service('ok')
    await pairs(webSocket, stage.fresh().phone)
    await Promise.all([removed(first.phone), removed(second.phone)])
    const session = async () => (await stage.http('GET', `/api/whatsapp/sessions/${second.companyId}`, admin)).body
    await expect.poll(session).toMatchObject({ session: 'none', unlinked: 'confirmed' })
    await Promise.all([webSocket.close(), http.close()])
  })

  it('a removal that WhatsApp never answers is unconfirmed, and the next pairing works at once', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    await phone.behave('unlink-silent')
    expect(await client.ask('reset-whatsapp-credentials', 'credentials-reset')).toMatchObject({
      unlinked: 'unconfirmed',
    })
    await pairs(client, phone)
    await client.close()
  })
})

describe.concurrent('somebody else interferes in mid-attempt', () => {
  it('an admin deletes the credentials while a code is on screen: cancelled, and the next request works at once', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await stage.http('DELETE', credentialsPath(companyId), admin)
    expect(await client.next('pairing-code-error')).toMatchObject({ code: 'PAIRING_CANCELLED', retryable: true })
    await until('the code is void', async () => (await phone.enterCode(code)) === 'no pending request')
    await pairs(client, phone)
    await client.close()
  })

  it('an admin deletes them between pair-success and connected: the device that was just linked is removed', async () => {
    const { companyId, phone } = stage.fresh()
    await phone.behave('no-close-after-pair')
    const client = await stage.client(companyId)
    const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    void phone.enterCode(code)
    await client.next((frame) => frame.event === 'pairing-progress' && frame['state'] === 'restarting')
    await stage.http('DELETE', credentialsPath(companyId), admin)
    expect(await client.next('pairing-code-error')).toMatchObject({ code: 'PAIRING_CANCELLED' })
    await removed(phone)
    await phone.behave('ok')
    await pairs(client, phone)
    await client.close()
  })

  it.for([
    ['nothing but an attempt', false],
    ['credentials', true],
  ] as const)('everything is deleted by hand, %s: the next request works at once', async ([, isLinked]) => {
    const { companyId, phone } = stage.fresh()
    const client = isLinked ? await link(stage, companyId, stage.fresh().phone) : await stage.client(companyId)
    await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await tables.deleteState(companyId)
    for (const row of await tables.credentialRows(companyId)) await tables.deleteCredentialRow(row)
    await pairs(client, phone)
    await client.close()
  })

  it('everything is deleted by hand and the old code typed: the link is undone, the next request works', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await tables.deleteState(companyId)
    void phone.enterCode(code)
    await pairs(client, stage.fresh().phone)
    await removed(phone)
    await client.close()
  })
})

describe.concurrent('another phone than was asked for', () => {
  it('completes the code: CREDENTIALS_CONFLICT, and its device is removed', async () => {
    const { companyId, phone } = stage.fresh()
    const stranger = stage.fresh().phone
    await stranger.behave('other-phone', { number: phone.number })
    const client = await stage.client(companyId)
    const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await stranger.enterCode(code)
    expect(await client.next('pairing-code-error')).toMatchObject({ code: 'CREDENTIALS_CONFLICT', retryable: true })
    await removed(stranger)
    expect(await client.ask('get-status', 'status')).toMatchObject({ session: 'none' })
    await pairs(client, phone)
    await client.close()
  })
})

describe.concurrent('one answer to each request', () => {
  it('a message that arrives twice starts one attempt and asks WhatsApp once', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const message = { action: 'request-pairing-code', phoneNumber: phone.number, requestId: 'twice' }
    client.send(message)
    client.send(message)
    const first = await client.next('pairing-code')
    client.send(message)
    const repeated = await client.next('pairing-code')
    expect(repeated).toMatchObject({ requestId: 'twice', code: first['code'], attemptId: first['attemptId'] })
    expect((await phone.look()).companionHellos).toBe(1)
    await client.close()
  })

  it('over HTTP a key gives the same attempt again, and another request under it is refused', async () => {
    const { companyId, phone } = stage.fresh()
    const path = `/api/whatsapp/sessions/${companyId}`
    const ask = (phoneNumber: string) =>
      stage.http(
        'POST',
        `${path}/pairing-code`,
        { companyId },
        {
          body: { phoneNumber },
          headers: { 'idempotency-key': 'key-1' },
        },
      )
    const first = await ask(phone.number)
    expect(first.status).toBe(202)
    const poll = async () => (await stage.http('GET', `${path}/attempt`, { companyId })).body['attempt']
    const isIn = async (state: string) => ((await poll()) as { state?: string } | null)?.state === state
    await until('the code is there', () => isIn('code-issued'))
    expect(await ask(phone.number)).toMatchObject({ status: 202, body: first.body })
    expect(await ask(stage.fresh().phone.number)).toMatchObject({ status: 422, body: { code: 'BAD_REQUEST' } })
    const { code } = (await poll()) as { code: string }
    expect(code).toMatch(/^\w{4}-\w{4}$/)
    await phone.enterCode(code)
    await until('it is connected', () => isIn('connected'))
  })
})

it('WhatsApp has seen no violation of its protocol', async () => {
  const state = (await (await fetch(`${stage.run.url}/simulator/state`)).json()) as { violations: unknown }
  expect(state.violations).toMatchObject({ counts: {} })
})
