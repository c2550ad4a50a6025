import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { connect } from '../support/client.ts'
import { link, type Stage, startStage, steadyLeases } from '../support/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage({ environment: steadyLeases })
})
afterAll(() => stage?.stop())

describe('a fresh company', () => {
  it('sees a code that WhatsApp has accepted, and is connected when the phone has typed it', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    client.send({ action: 'request-pairing-code', phoneNumber: `+${phone.number}`, requestId: 'r1' })
    const started = await client.next('pairing-started')
    expect(started).toMatchObject({ companyId, requestId: 'r1', phoneNumber: phone.number })
    const issued = await client.next('pairing-code')
    expect(issued).toMatchObject({ requestId: 'r1', attemptId: started['attemptId'], phoneNumber: phone.number })
    expect(issued['code']).toMatch(/^[1-9A-HJ-NP-TV-Z]{4}-[1-9A-HJ-NP-TV-Z]{4}$/)
    expect(issued['expiresIn']).toBeGreaterThan(0)
    expect(issued['expiresIn']).toBeLessThanOrEqual(50)
    expect(await phone.enterCode(issued['code'])).toBe('linked')
    expect(await client.next('whatsapp-connected')).toMatchObject({
      attemptId: started['attemptId'],
      phoneNumber: phone.number,
    })
    const states = client.frames.filter((frame) => frame.event === 'pairing-progress').map((frame) => frame['state'])
    expect(states).toEqual(['phone-confirmed', 'restarting'])
    const status = await client.ask('get-status', 'status')
    expect(status).toMatchObject({ session: 'connected', phoneNumber: expect.stringContaining('***') })
    expect(status['attempt']).toBeUndefined()
    const seqs = client.frames.map((frame) => frame.seq)
    expect(new Set(seqs).size).toBe(seqs.length)
    await client.close()
  })

  it('is answered at once when it is linked already, without a new code', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    const asked = (await phone.look()).companionHellos
    await client.ask('request-pairing-code', 'whatsapp-connected', { phoneNumber: phone.number })
    expect((await phone.look()).companionHellos).toBe(asked)
    await client.close()
  })
})

describe('one attempt, one code', () => {
  it('answers rapid retries with the same code, each under its own id', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const asks = [1, 2, 3, 4, 5].map(() =>
      client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number }),
    )
    const codes = (await Promise.all(asks)).map((frame) => frame['code'])
    expect(new Set(codes).size).toBe(1)
    expect((await phone.look()).companionHellos).toBe(1)
    await client.close()
  })

  it('gives a client that comes back the running attempt with its code and the time left', async () => {
    const { companyId, phone } = stage.fresh()
    const first = await stage.client(companyId)
    const { code, attemptId } = await first.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await first.close()
    const second = await stage.client(companyId)
    const status = await second.ask('get-status', 'status')
    expect(status['attempt']).toMatchObject({ attemptId, code, state: 'code-issued', phoneNumber: phone.number })
    await phone.enterCode(code)
    await second.next('whatsapp-connected')
    await second.close()
  })

  it('supersedes the attempt when another phone is asked for', async () => {
    const { companyId, phone } = stage.fresh()
    const other = stage.fresh().phone
    const client = await stage.client(companyId)
    client.send({ action: 'request-pairing-code', phoneNumber: phone.number, requestId: 'old' })
    const old = await client.next('pairing-code')
    const issued = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: other.number })
    const superseded = await client.next('pairing-code-error')
    expect(superseded).toMatchObject({ code: 'PAIRING_SUPERSEDED', requestId: 'old' })
    expect(await phone.enterCode(old['code'])).not.toBe('linked')
    expect(await other.enterCode(issued['code'])).toBe('linked')
    expect(await client.next('whatsapp-connected')).toMatchObject({ phoneNumber: other.number })
    await client.close()
  })

  it('cancels, and lets the next request go ahead at once', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const first = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    const cancelled = await client.ask('cancel-pairing', 'pairing-cancelled')
    expect(cancelled['attemptId']).toBe(first['attemptId'])
    const second = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    expect(second['attemptId']).not.toBe(first['attemptId'])
    expect(await phone.enterCode(second['code'])).toBe('linked')
    await client.next('whatsapp-connected')
    expect(await client.ask('cancel-pairing', 'pairing-cancelled')).not.toHaveProperty('attemptId')
    await client.close()
  })
})

describe('what WhatsApp or the owner gets wrong', () => {
  it.each([
    ['not-registered', 'INVALID_PHONE'],
    ['bad-request', 'CLIENT_REJECTED'],
    ['forbidden', 'CLIENT_REJECTED'],
    ['feature-not-available', 'CLIENT_REJECTED'],
    ['server-error', 'WHATSAPP_UNAVAILABLE'],
    ['passkey', 'PASSKEY_REQUIRED', { when: 'hello' }],
  ])('%s is %s, and a retry works at once', async (behaviour, code, parameters: object = {}) => {
    const { companyId, phone } = stage.fresh()
    await phone.behave(behaviour, parameters)
    const client = await stage.client(companyId)
    const refused = await client.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: phone.number })
    expect(refused).toMatchObject({ code, message: expect.any(String), retryable: expect.any(Boolean) })
    if (behaviour !== 'passkey') expect(client.frames.map(({ event }) => event)).not.toContain('pairing-code')
    await phone.behave('ok')
    await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    await client.close()
  })

  it('rate-limited is RATE_LIMITED, and the phone is left alone for as long as it says', async () => {
    const { companyId, phone } = stage.fresh()
    await phone.behave('rate-limited')
    const client = await stage.client(companyId)
    const refused = await client.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: phone.number })
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', retryable: true, action: 'wait' })
    await phone.behave('ok')
    const again = await client.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: phone.number })
    expect(again).toMatchObject({ code: 'RATE_LIMITED', retryAfter: expect.any(Number) })
    expect((await phone.look()).companionHellos).toBe(1)
    await client.close()
  })

  it('a wrong code changes nothing: the right one still links', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    expect(await phone.enterCode('AAAA-AAAA')).toBe('wrong code')
    expect(await phone.enterCode(code)).toBe('linked')
    await client.next('whatsapp-connected')
    await client.close()
  })
})

describe('a QR', () => {
  it('links the phone that scans it', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await stage.client(companyId)
    const { qr } = await client.ask('request-qr', 'qr')
    expect(await phone.scan(qr)).toBe('linked')
    expect(await client.next('whatsapp-connected')).toMatchObject({ phoneNumber: phone.number })
    await client.close()
  })

  it('scanned by another phone than was asked for is undone', async () => {
    const { companyId, phone } = stage.fresh()
    const stranger = stage.fresh().phone
    const client = await stage.client(companyId)
    const { qr } = await client.ask('request-qr', 'qr', { phoneNumber: phone.number })
    await stranger.scan(qr)
    expect(await client.next('pairing-code-error')).toMatchObject({ code: 'CREDENTIALS_CONFLICT' })
    await expect.poll(async () => (await stranger.look()).devices.length).toBe(0)
    expect(await client.ask('get-status', 'status')).toMatchObject({ session: 'none' })
    await client.close()
  })
})

describe('connections of a company', () => {
  it('opened at once, twenty live and hear of everything, and the upgrade of the others is refused with 429', async () => {
    const { companyId, phone } = stage.fresh()
    const opened = await Promise.allSettled(Array.from({ length: 25 }, () => stage.client(companyId)))
    const clients = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const refusals = opened.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
    expect(refusals).toEqual(Array(5).fill('Error: refused with 429'))
    clients[0]?.send({ action: 'request-pairing-code', phoneNumber: phone.number })
    await Promise.all(clients.map((client) => client.next('pairing-code')))
    await clients[0]?.ask('cancel-pairing', 'pairing-cancelled')
    await Promise.all(clients.map((client) => client.close()))
    // A place is free once $disconnect has run, which a closed client does not wait for.
    const tryAgain = () => stage.client(companyId).catch(() => undefined)
    const next = await vi.waitFor(async () => (await tryAgain()) ?? expect.fail('no place yet'), {
      timeout: 30_000,
      interval: 500,
    })
    expect(await next.ask('get-status', 'status')).toMatchObject({ session: 'none' })
    await next.close()
  })
})

describe('reset', () => {
  it('over the WebSocket removes the device and says so; the next pairing works at once', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    expect(await client.ask('reset-whatsapp-credentials', 'credentials-reset')).toMatchObject({
      success: true,
      unlinked: 'confirmed',
    })
    expect((await phone.look()).devices).toHaveLength(0)
    expect(await client.ask('get-status', 'status')).toMatchObject({ session: 'none' })
    const { code } = await client.ask('request-pairing-code', 'pairing-code', { phoneNumber: phone.number })
    expect(await phone.enterCode(code)).toBe('linked')
    await client.next('whatsapp-connected')
    await client.close()
  })

  it('of nothing is a success', async () => {
    const { companyId } = stage.fresh()
    const client = await stage.client(companyId)
    expect(await client.ask('reset-whatsapp-credentials', 'credentials-reset')).toMatchObject({
      unlinked: 'not-linked',
    })
    await client.close()
  })

  it('over HTTP forgets what is stored before it answers', async () => {
    const { companyId, phone } = stage.fresh()
    const client = await link(stage, companyId, phone)
    const path = `/api/whatsapp/sessions/${companyId}/credentials`
    const admin = { role: 'admin' } as const
    expect((await stage.http('GET', `${path}/status`, admin)).body).toEqual({
      hasCredentials: true,
      storedPhone: phone.number,
      canReset: true,
    })
    expect((await stage.http('DELETE', path, admin)).body).toEqual({
      success: true,
      message: 'Credentials deleted',
      unlinked: 'pending',
    })
    expect((await stage.http('GET', `${path}/status`, admin)).body).toEqual({
      hasCredentials: false,
      storedPhone: null,
      canReset: expect.any(Boolean),
    })
    await client.next('credentials-reset')
    expect((await phone.look()).devices).toHaveLength(0)
    await client.close()
  })
})

describe('bad input', () => {
  it.each([
    ['unknown action', { action: 'dance' }, 'action'],
    ['bad JSON', '{"action":', 'message'],
    ['a missing field', { action: 'request-pairing-code' }, 'phoneNumber'],
    ['a field of the wrong type', { action: 'request-pairing-code', phoneNumber: 7 }, 'phoneNumber'],
    ['5 KB', { action: 'ping', requestId: 'x'.repeat(5000) }, 'message'],
  ])('%s: an error that names the field, and the connection stays', async (_name, message, field) => {
    const { companyId } = stage.fresh()
    const client = await stage.client(companyId)
    client.send(message)
    const refused = await client.next('error')
    expect(refused).toMatchObject({ code: 'BAD_REQUEST', companyId, retryable: false })
    expect(refused['message']).toContain(field)
    await client.ask('ping', 'pong')
    await client.close()
  })

  it('a phone that is no phone is refused without an attempt', async () => {
    const { companyId } = stage.fresh()
    const client = await stage.client(companyId)
    const refused = await client.ask('request-pairing-code', 'pairing-code-error', { phoneNumber: '1111111111' })
    expect(refused).toMatchObject({ code: 'INVALID_PHONE_FORMAT', action: 'check-number' })
    expect(await client.ask('get-status', 'status')).toMatchObject({ session: 'none' })
    await client.close()
  })

  it.each([
    ['129 KB', 'x'.repeat(129 * 1024), 1009],
    ['binary', Buffer.from([1, 2, 3]), 1003],
  ])('%s closes the connection as API Gateway does', async (_name, data, code) => {
    const client = await stage.client(stage.fresh().companyId)
    const closed = new Promise((resolve) => client.raw.once('close', resolve))
    client.raw.send(data)
    expect(await closed).toBe(code)
  })

  it.each(['', '?token=', '?token=nonsense'])('a WebSocket with token "%s" is refused with 401', async (query) => {
    await expect(connect(stage.run.wsUrl + query)).rejects.toThrow('401')
  })

  it('HTTP without a token is 401, with another company’s 403', async () => {
    const path = '/api/whatsapp/sessions/somebody'
    expect(await stage.http('GET', path)).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } })
    expect(await stage.http('GET', path, { companyId: 'other' })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    })
    expect(await stage.http('GET', '/api/health')).toMatchObject({ status: 200 })
  })
})

it('20 companies at once are linked without cross-talk', async () => {
  const all = Array.from({ length: 20 }, () => stage.fresh())
  await Promise.all(
    all.map(async ({ companyId, phone }) => {
      const client = await link(stage, companyId, phone)
      expect(client.frames.every((frame) => frame['companyId'] === companyId)).toBe(true)
      await client.close()
    }),
  )
})

it('WhatsApp has seen no violation of its protocol', async () => {
  const state = (await (await fetch(`${stage.run.url}/simulator/state`)).json()) as { violations: unknown }
  expect(state.violations).toEqual(expect.objectContaining({ counts: {} }))
})
