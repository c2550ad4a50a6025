import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { endpoint } from '../../../functions/http/endpoint.ts'
import { healthRoutes } from '../../../functions/http/health.ts'
import { sessionsRoutes } from '../../../functions/http/sessions.ts'
import { httpEvent, lambdaContext, makeWorld, type World } from '../support.ts'
import { makeApi, routes } from './support.ts'

let world: World
let ask: ReturnType<typeof makeApi>

beforeEach(() => {
  world = makeWorld()
  ask = makeApi(world)
})

const ofCompany = [routes.detail, routes.attempt, routes.pair, routes.status, routes.remove]
const all = [routes.list, ...ofCompany]
const body = { phoneNumber: '+7 900 123-45-67' }

describe('a request', () => {
  test.each(all)('without a token is unauthorized: %s', async (route) => {
    const answer = await ask(route, { body })
    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } })
    expect(answer.body).toMatchObject({ code: 'UNAUTHORIZED', status: 401, retryable: false })
  })

  test.each(all)('with a bad token is unauthorized: %s', async (route) => {
    expect(await ask(route, { token: 'bad', body })).toMatchObject({ status: 401 })
  })

  test.each(ofCompany)('of another company is forbidden: %s', async (route) => {
    expect(await ask(route, { token: 'other', body })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } })
    expect(world.store.writes).toEqual([])
  })

  test('of a client for a list is forbidden', async () => {
    expect(await ask(routes.list, { token: '1001' })).toMatchObject({ status: 403 })
  })

  test.each(ofCompany)('of its own company is accepted: %s', async (route) => {
    expect((await ask(route, { token: '1001', body })).status).toBeLessThan(300)
  })

  test.each(all)('of an admin is accepted: %s', async (route) => {
    expect((await ask(route, { token: 'admin', body })).status).toBeLessThan(300)
  })

  test.each(ofCompany)('with a malformed company id is bad: %s', async (route) => {
    const answer = await ask(route, { token: 'admin', companyId: 'a b', body })
    expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST', field: 'companyId' } })
  })

  test('for an unknown route is not found', async () => {
    expect(await ask('GET /api/whatsapp/nothing', { token: 'admin' })).toMatchObject({ status: 404 })
    expect(await ask('constructor', { token: 'admin' })).toMatchObject({ status: 404 })
  })
})

describe('a refusal', () => {
  test('is a problem document in the language of the browser, Russian by default', async () => {
    expect(await ask(routes.list)).toMatchObject({
      headers: { 'content-type': 'application/problem+json; charset=utf-8', 'cache-control': 'no-store' },
      body: { type: 'urn:pairplane:error:UNAUTHORIZED', title: expect.stringContaining('токен') },
    })
    const english = await ask(routes.list, { headers: { 'accept-language': 'en-GB,ru;q=0.5' } })
    expect(english.body['title']).toContain('token')
  })

  test('is 503 and can be tried again when the store is down', async () => {
    world.away.add('store')
    for (const route of [routes.list, routes.detail, routes.attempt, routes.status, routes.remove, routes.pair]) {
      const answer = await ask(route, { token: 'admin', body })
      expect(answer).toMatchObject({
        status: 503,
        headers: { 'retry-after': '5' },
        body: { code: 'STORE_UNAVAILABLE' },
      })
      expect(answer.text).not.toContain('10.0.0.7')
    }
  })

  test('after an unexpected error is 500, without its text', async () => {
    world.broken.add('store')
    const answer = await ask(routes.detail, { token: 'admin' })
    expect(answer).toMatchObject({ status: 500, body: { code: 'INTERNAL', retryable: true } })
    expect(answer.text).not.toContain('secret internals')
    expect(world.lines.at(-1)).toContain('"correlationId":"http-request-1"')
  })
})

test('health shows the version and nothing else', async () => {
  const handler = endpoint(healthRoutes, () => ({ log: world.log, version: '1.2.3' }))
  const { statusCode, body: text } = await handler(httpEvent('GET /api/health'), lambdaContext as never)
  expect({ statusCode, body: JSON.parse(text) }).toEqual({ statusCode: 200, body: { status: 'ok', version: '1.2.3' } })
})

describe('a request without a route of its own', () => {
  const handler = endpoint(healthRoutes, () => ({ log: world.log, version: '1.2.3' }))
  const ask = (method: string) => {
    const event = httpEvent('$default', { headers: { 'accept-language': 'en' } })
    const requestContext = { ...event.requestContext, http: { method, path: '/api/none' } }
    return handler({ ...event, requestContext }, lambdaContext as never)
  }

  test.each(['GET', 'PUT'])('is not found, for anyone, with a problem document (%s)', async (method) => {
    const { statusCode, headers, body } = await ask(method)
    expect(statusCode).toBe(404)
    expect(headers['content-type']).toContain('application/problem+json')
    expect(JSON.parse(body)).toMatchObject({ code: 'NOT_FOUND', status: 404, title: 'Not found' })
  })

  test('is answered if it is the preflight of a browser', async () => {
    expect(await ask('OPTIONS')).toEqual({ statusCode: 204, headers: {}, body: '' })
  })
})

test('a malformed event is refused without internal text', async () => {
  const handler = endpoint(sessionsRoutes, () => world)
  await fc.assert(
    fc.asyncProperty(fc.anything(), async (event) => {
      const response = await handler(event, lambdaContext as never)
      expect(JSON.parse(response.body)).toMatchObject({ code: 'INTERNAL' })
    }),
  )
})
