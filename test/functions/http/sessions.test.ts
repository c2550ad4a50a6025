import { beforeEach, describe, expect, test } from 'vitest'
import { digits, link, makeWorld, phone, showCode, start, type World } from '../support.ts'
import { makeApi, routes } from './support.ts'

let world: World
let ask: ReturnType<typeof makeApi>

beforeEach(() => {
  world = makeWorld()
  ask = makeApi(world)
})

const pair = (companyId: string) => ask(routes.pair, { token: 'admin', companyId, body: { phoneNumber: phone } })

async function linked(companyId: string): Promise<void> {
  await pair(companyId)
  await link(world, companyId)
}

describe('a session', () => {
  test('of a company never seen is none', async () => {
    const { status, body } = await ask(routes.detail, { token: 'admin' })
    expect(status).toBe(200)
    expect(body).toEqual({ companyId: '1001', session: 'none', phoneNumber: null, attempt: null })
  })

  test('that is connected is shown with its host, since when, and its phone: in clear for admins only', async () => {
    await linked('1001')
    const { body } = await ask(routes.detail, { token: 'admin' })
    expect(body).toEqual({
      companyId: '1001',
      session: 'connected',
      phoneNumber: digits,
      since: new Date(start).toISOString(),
      hostId: 'host-1',
      attempt: null,
    })
    expect((await ask(routes.detail, { token: '1001' })).body['phoneNumber']).toBe('79001***567')
  })

  test('shows the running attempt', async () => {
    await pair('1001')
    await showCode(world)
    const { body } = await ask(routes.detail, { token: '1001' })
    expect(body['attempt']).toMatchObject({ state: 'code-issued', code: 'ABCD-EFGH', phoneNumber: digits })
  })

  test('says why the last attempt failed', async () => {
    world.queue.refusesCommands = true
    await pair('1001')
    const { body } = await ask(routes.detail, { token: '1001' })
    expect(body['lastError']).toMatchObject({ code: 'HOST_UNAVAILABLE', at: new Date(start).toISOString() })
  })
})

describe('the list', () => {
  const companies = Array.from({ length: 60 }, (_, n) => `company-${n}`)

  async function pages(query: Record<string, string>): Promise<string[][]> {
    const found: string[][] = []
    let cursor: unknown
    do {
      const page = await ask(routes.list, {
        token: 'admin',
        query: { ...query, ...(cursor ? { cursor: String(cursor) } : {}) },
      })
      expect(page.status).toBe(200)
      found.push((page.body['sessions'] as { companyId: string }[]).map(({ companyId }) => companyId))
      cursor = page.body['cursor']
    } while (cursor)
    return found
  }

  test('goes through all shards page by page, each company once', async () => {
    for (const companyId of companies) await pair(companyId)
    const found = await pages({ limit: '7' })
    expect(found.flat().sort()).toEqual([...companies].sort())
    expect(Math.max(...found.map((page) => page.length))).toBe(7)
  })

  test('has fifty to a page by default', async () => {
    for (const companyId of companies) await pair(companyId)
    const { body } = await ask(routes.list, { token: 'admin' })
    expect(body['sessions']).toHaveLength(50)
  })

  test('can be of one state', async () => {
    for (const companyId of companies.slice(0, 10)) await pair(companyId)
    await linked('company-20')
    await linked('company-30')
    expect((await pages({ state: 'connected', limit: '1' })).flat().sort()).toEqual(['company-20', 'company-30'])
  })

  test('without companies is empty', async () => {
    expect((await ask(routes.list, { token: 'admin' })).body).toEqual({ sessions: [], cursor: null })
  })

  test.each([
    ['limit', '0'],
    ['limit', '101'],
    ['limit', 'all'],
    ['limit', '-1'],
    ['state', 'asleep'],
    ['cursor', 'nonsense'],
    ['cursor', Buffer.from('{"shard":4}').toString('base64url')],
    ['cursor', Buffer.from('{"shard":-1}').toString('base64url')],
    ['cursor', 'x'.repeat(2_000)],
  ])('refuses %s %s', async (field, value) => {
    const answer = await ask(routes.list, { token: 'admin', query: { [field]: value } })
    expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST', field } })
  })
})
