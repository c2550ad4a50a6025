import { beforeEach, describe, expect, test } from 'vitest'
import { company, digits, link, makeWorld, phone, showCode, start, type World } from '../support.ts'
import { makeApi, routes } from './support.ts'

let world: World
let ask: ReturnType<typeof makeApi>

beforeEach(async () => {
  world = makeWorld()
  ask = makeApi(world)
  await world.join('A')
})

const token = company
const pair = (phoneNumber: unknown = phone, headers: Record<string, string> = {}) =>
  ask(routes.pair, { token, body: { phoneNumber }, headers })
const poll = async () => (await ask(routes.attempt, { token })).body['attempt']

describe('POST pairing-code', () => {
  test('starts an attempt, and answers 202 with it', async () => {
    const { status, body } = await pair()
    expect(status).toBe(202)
    expect(body).toMatchObject({
      companyId: company,
      attempt: { state: 'requested', phoneNumber: digits, deadline: new Date(start + 20_000).toISOString() },
    })
    expect(world.queue.commands).toMatchObject([{ companyId: company, correlationId: 'http-request-1' }])
    expect(world.clients.framesOf('A')).toMatchObject([{ event: 'pairing-started' }])
  })

  test('repeated, answers with the same attempt and its code', async () => {
    const first = (await pair()).body['attempt']
    await showCode(world)
    expect((await pair('89001234567')).body['attempt']).toMatchObject({
      attemptId: (first as { attemptId: string }).attemptId,
      code: 'ABCD-EFGH',
    })
  })

  test.each<[unknown, number, object]>([
    ['1111111111', 400, { code: 'INVALID_PHONE_FORMAT', field: 'phoneNumber', action: 'check-number' }],
    ['+999123456789', 400, { code: 'INVALID_COUNTRY_CODE', field: 'phoneNumber' }],
    [79001234567, 400, { code: 'BAD_REQUEST', field: 'phoneNumber', reason: 'phoneNumber must be a string' }],
    [null, 400, { code: 'BAD_REQUEST', field: 'phoneNumber' }],
  ])('refuses the phone %j', async (typed, status, problem) => {
    expect(await pair(typed)).toMatchObject({ status, body: problem })
  })

  test.each<[string, unknown]>([
    ['bad JSON', '{'],
    ['no body', undefined],
    ['a list', '[1]'],
    ['five kilobytes', JSON.stringify({ phoneNumber: phone, filler: 'x'.repeat(5_000) })],
  ])('refuses %s', async (_name, body) => {
    const answer = await ask(routes.pair, { token, body })
    expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST' } })
    expect(world.state().attempt).toBeUndefined()
  })

  test('is 503 at once when the host cannot be reached, and frees the mutex', async () => {
    world.queue.refusesCommands = true
    expect(await pair()).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      body: { code: 'HOST_UNAVAILABLE', retryable: true, action: 'retry' },
    })
    expect(world.state().attempt).toBeUndefined()
  })
})

describe('an Idempotency-Key', () => {
  const key = { 'idempotency-key': 'k-1' }

  test('gets the same answer for the same request, whatever has happened since', async () => {
    const first = await pair(phone, key)
    await showCode(world)
    expect((await pair(phone, key)).text).toBe(first.text)
  })

  test('is refused for another request', async () => {
    await pair(phone, key)
    expect(await pair('+7 916 123-45-67', key)).toMatchObject({
      status: 422,
      body: { code: 'BAD_REQUEST', status: 422, field: 'Idempotency-Key' },
    })
    expect(world.state().attempt?.phone).toBe(digits)
  })

  test('of one company is not that of another', async () => {
    await pair(phone, key)
    const other = await ask(routes.pair, {
      token: 'other',
      companyId: 'other',
      body: { phoneNumber: '+79161234567' },
      headers: key,
    })
    expect(other).toMatchObject({ status: 202, body: { companyId: 'other' } })
  })

  test('does not keep a failure, so the request may be tried again', async () => {
    world.queue.refusesCommands = true
    await pair(phone, key)
    world.queue.refusesCommands = false
    expect(await pair(phone, key)).toMatchObject({ status: 202 })
  })

  test.each(['', ' ', 'a b', 'x'.repeat(129), 'ключ'])('%j is refused', async (bad) => {
    expect(await pair(phone, { 'idempotency-key': bad })).toMatchObject({
      status: 400,
      body: { field: 'Idempotency-Key' },
    })
  })
})

describe('GET attempt', () => {
  test('of a company that never tried is null', async () => {
    expect(await poll()).toBeNull()
  })

  test('shows the code and the time left', async () => {
    await pair()
    await showCode(world)
    world.now.value += 20_000
    expect(await poll()).toMatchObject({ state: 'code-issued', code: 'ABCD-EFGH', expiresIn: 30 })
  })

  test('shows how the last attempt ended', async () => {
    await pair()
    await link(world)
    expect(await poll()).toEqual({
      attemptId: expect.any(String),
      state: 'connected',
      at: new Date(start).toISOString(),
    })
  })

  test('shows why it failed, apart from a pairing code', async () => {
    world.queue.refusesCommands = true
    await pair()
    const attempt = await poll()
    expect(attempt).toMatchObject({ state: 'failed', error: { code: 'HOST_UNAVAILABLE', retryable: true } })
    expect(attempt).not.toHaveProperty('code')
  })
})
