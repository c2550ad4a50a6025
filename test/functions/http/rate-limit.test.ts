/** Limit of HTTP requests per company and administrator (R34). */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RequestCounter } from '#shared/dynamo/clients/request-counter.ts'
import { rateLimit } from '../../../functions/access/rate-limit.ts'
import type { VerifyToken } from '../../../functions/access/tokens.ts'
import { memoryRequestCounter } from '../../fakes/memory-request-counter.ts'
import { lambdaContext, makeWorld, messageEvent, receive, start, type World } from '../support.ts'
import { type Answer, makeApi, routes } from './support.ts'

let world: World
let counter: ReturnType<typeof memoryRequestCounter>
beforeEach(() => {
  world = makeWorld()
  counter = memoryRequestCounter()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Admins by token: `admin` has no `sub`; those of Anna have one, and differ. */
const verify: VerifyToken = async (token) => {
  if (!/^(anna|boris|admin)/.test(token)) return world.verify(token)
  const sub = /^(anna|boris)/.exec(token)?.[0]
  return { ok: true, value: { role: 'admin', lang: 'en', exp: start / 1000 + 60, ...(sub && { sub }) } }
}

/** The API in one container; containers share the counter. */
function api(of: RequestCounter = counter) {
  return makeApi({
    ...world,
    verify,
    rateLimit: rateLimit({ counter: of, perSecond: 20, clock: world.clock, log: world.log }),
  })
}

type Ask = ReturnType<typeof api>

async function askMany(ask: Ask, token: string, count: number): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let n = 0; n < count; n++) answers.push(await ask(routes.status, { token }))
  return answers
}
const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status)
const times = (count: number, status: number) => Array<number>(count).fill(status)

describe('a caller', () => {
  test('may ask 20 times in a second; the next requests are refused, and served again in the next second', async () => {
    const ask = api()
    const answers = await askMany(ask, '1001', 22)
    expect(statuses(answers)).toEqual([...times(20, 200), 429, 429])
    expect(answers[20]).toMatchObject({
      headers: { 'content-type': 'application/problem+json; charset=utf-8', 'retry-after': '1' },
      body: { code: 'RATE_LIMITED', status: 429, retryAfter: 1, retryable: true },
    })
    world.now.value += 1_000
    expect(statuses(await askMany(ask, '1001', 1))).toEqual([200])
  })

  test('above its limit costs its container no store call at all', async () => {
    const ask = api()
    await askMany(ask, '1001', 21)
    const before = counter.calls.length
    const { read } = world.store
    let reads = 0
    world.store.read = (companyId: string) => {
      reads++
      return read(companyId)
    }
    expect(statuses(await askMany(ask, '1001', 5))).toEqual(times(5, 429))
    expect(counter.calls).toHaveLength(before)
    expect(reads).toBe(0)
    expect(world.store.writes).toEqual([])
  })

  test('is counted for all containers together', async () => {
    const [one, other] = [api(), api()]
    await askMany(one, '1001', 10)
    await askMany(other, '1001', 10)
    expect(statuses(await askMany(one, '1001', 1))).toEqual([429])
    expect(statuses(await askMany(other, '1001', 1))).toEqual([429])
  })

  test('is a company, whatever its token asks for', async () => {
    const ask = api()
    await askMany(ask, '1001', 20)
    expect((await ask(routes.detail, { token: '1001', companyId: 'other' })).status).toBe(429)
    expect((await ask(routes.status, { token: 'other', companyId: 'other' })).status).toBe(200)
  })

  test('is an administrator by name, whichever token is used', async () => {
    const ask = api()
    await askMany(ask, 'anna-1', 10)
    await askMany(ask, 'anna-2', 10)
    expect(statuses(await askMany(ask, 'anna-3', 1))).toEqual([429])
    expect(statuses(await askMany(ask, 'boris', 1))).toEqual([200])
  })

  test('is a token, if it names no administrator', async () => {
    const ask = api()
    await askMany(ask, 'admin-1', 20)
    expect(statuses(await askMany(ask, 'admin-1', 1))).toEqual([429])
    expect(statuses(await askMany(ask, 'admin-2', 1))).toEqual([200])
  })
})

test('no two kinds of callers share a counter, and none is stored by token or name', async () => {
  const ask = api()
  // A company, an administrator, a token and a connection of the same name.
  await askMany(ask, 'anna', 1)
  await askMany(makeContainer({ role: 'admin', exp: 0 }), 'anna', 1)
  await askMany(makeContainer({ role: 'marketplace', companyId: 'anna', exp: 0 }), 'anna', 1)
  const rate = rateLimit({ counter, perSecond: 20, clock: world.clock, log: world.log })
  const ping = messageEvent({ action: 'ping' }, { connectionId: 'anna' })
  await receive(ping, lambdaContext, { ...world, rateLimit: rate })
  const callers = counter.calls.map((call) => call.split(' ')[1])
  expect(new Set(callers).size).toBe(4)
  expect(callers).toEqual(expect.arrayContaining(['COMPANY#anna', 'CONN#anna']))
  expect(callers.filter((caller) => caller?.includes('anna'))).toHaveLength(2)
})

/** A container in which every token has these claims. */
function makeContainer(value: Extract<Awaited<ReturnType<VerifyToken>>, { ok: true }>['value']): Ask {
  const rate = rateLimit({ counter, perSecond: 20, clock: world.clock, log: world.log })
  return makeApi({ ...world, verify: async () => ({ ok: true, value }), rateLimit: rate })
}

test.each([undefined, 'bad'])('a request without a valid token costs no store call (%s)', async (token) => {
  const ask = api()
  for (let n = 0; n < 25; n++) expect((await ask(routes.status, { ...(token && { token }) })).status).toBe(401)
  expect(counter.calls).toEqual([])
})

describe('when the counter', () => {
  const countOf = async () => 0

  test('fails, requests pass', async () => {
    const ask = api({ count: () => Promise.reject(new Error('away')), countOf })
    expect(statuses(await askMany(ask, '1001', 1))).toEqual([200])
  })

  test('is slow, requests do not wait for it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const answer = askMany(api({ count: () => new Promise(() => {}), countOf }), '1001', 1)
    await vi.advanceTimersByTimeAsync(300)
    expect(statuses(await answer)).toEqual([200])
  })
})
