/** Tests that null counts as missing in events. Emulators of AWS and function URLs write null for optional members. */
import { expect, test } from 'vitest'
import { credentialsRoutes } from '../../functions/http/credentials.ts'
import { endpoint } from '../../functions/http/endpoint.ts'
import { healthRoutes } from '../../functions/http/health.ts'
import { metricsRoutes } from '../../functions/http/metrics.ts'
import { pairingRoutes } from '../../functions/http/pairing.ts'
import { sessionsRoutes } from '../../functions/http/sessions.ts'
import { httpRoutes } from '../../functions/routes.ts'
import {
  authorize,
  connect,
  connectEvent,
  disconnect,
  httpEvent,
  lambdaContext,
  makeWorld,
  messageEvent,
  receive,
  start,
  watch,
} from './support.ts'

type Event = Readonly<Record<string, unknown>>
type HttpEvent = ReturnType<typeof httpEvent>

const without = (event: Event, member: string): Event =>
  Object.fromEntries(Object.entries(event).filter(([name]) => name !== member))

/** A GET with everything but a body, and a POST with everything but a query. */
const requests = (['headers', 'pathParameters', 'queryStringParameters', 'body', 'isBase64Encoded'] as const).flatMap(
  (member) => Object.keys(httpRoutes).map((route) => [member, route] as const),
)

const request = (route: string): HttpEvent =>
  httpEvent(route, {
    token: 'admin',
    headers: { 'accept-language': 'en' },
    query: { limit: '1' },
    ...(route.startsWith('POST') && { body: { phoneNumber: '+7 900 123-45-67' } }),
  })

async function ask(event: Event) {
  const metrics = { add: async () => {}, sum: async () => ({}), hosts: async () => [] }
  const routes = { ...sessionsRoutes, ...pairingRoutes, ...credentialsRoutes, ...metricsRoutes, ...healthRoutes }
  const handler = endpoint<never>(routes, () => ({ ...makeWorld(), metrics, version: '1.2.3' }) as never)
  const { statusCode, body } = await handler(event, lambdaContext as never)
  return { statusCode, body: body.replace(/"attemptId":"\w+"/, '') }
}

test.each(requests)('an HTTP event whose %s is null is answered as one without it (%s)', async (member, route) => {
  const answer = await ask({ ...request(route), [member]: null })
  expect(answer).toEqual(await ask(without(request(route), member)))
  expect(answer.statusCode).toBeLessThan(500)
})

test.each(Object.keys(httpRoutes))('an HTTP event with nothing but nulls is no failure of ours (%s)', async (route) => {
  const nothing = {
    headers: null,
    pathParameters: null,
    queryStringParameters: null,
    body: null,
    isBase64Encoded: null,
  }
  expect((await ask({ ...request(route), ...nothing })).statusCode).toBeLessThan(500)
})

test.each<[string, string, 'headers' | 'pathParameters' | 'queryStringParameters', string, number]>([
  ['token', 'GET /api/whatsapp/sessions', 'headers', 'authorization', 401],
  ['language', 'GET /api/whatsapp/sessions', 'headers', 'accept-language', 200],
  ['user agent', 'GET /api/whatsapp/sessions', 'headers', 'user-agent', 200],
  ['company', 'GET /api/whatsapp/sessions/{companyId}', 'pathParameters', 'companyId', 400],
  ['limit', 'GET /api/whatsapp/sessions', 'queryStringParameters', 'limit', 200],
  ['cursor', 'GET /api/whatsapp/sessions', 'queryStringParameters', 'cursor', 200],
  ['state', 'GET /api/whatsapp/sessions', 'queryStringParameters', 'state', 200],
  ['idempotency key', 'POST /api/whatsapp/sessions/{companyId}/pairing-code', 'headers', 'idempotency-key', 202],
])('a %s that is null counts as missing (%s)', async (_name, route, member, key, status) => {
  const event: Event = request(route)
  const given = event[member] as Record<string, string>
  const answer = await ask({ ...event, [member]: { ...given, [key]: null } })
  expect(answer).toEqual(await ask({ ...event, [member]: without(given, key) }))
  expect(answer.statusCode).toBe(status)
})

test('two requests whose idempotency key is null are different requests', async () => {
  const world = makeWorld()
  const handler = endpoint(pairingRoutes, () => world)
  const pair = (phoneNumber: string) => {
    const event = httpEvent('POST /api/whatsapp/sessions/{companyId}/pairing-code', {
      token: 'admin',
      body: { phoneNumber },
    })
    return handler({ ...event, headers: { ...event.headers, 'idempotency-key': null } }, lambdaContext as never)
  }
  expect([(await pair('79001234567')).statusCode, (await pair('79161234567')).statusCode]).toEqual([202, 202])
})

const methodArn = 'arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/$connect'
const verify = makeWorld().verify

test.each<[string, Event]>([
  ['headers', { headers: null, queryStringParameters: { token: '1001' } }],
  ['query', { headers: { 'Sec-WebSocket-Protocol': 'jwt.1001' }, queryStringParameters: null }],
  ['single header', { headers: { 'Sec-WebSocket-Protocol': null }, queryStringParameters: { token: '1001' } }],
  ['single parameter', { headers: { 'Sec-WebSocket-Protocol': 'jwt.1001' }, queryStringParameters: { lang: null } }],
])('the authorizer accepts a client whose %s is null', async (_name, event) => {
  const { policyDocument } = await authorize({ methodArn, ...event }, verify)
  expect(policyDocument.Statement[0]?.Effect).toBe('Allow')
})

test('the authorizer refuses a client whose token is null like one without', async () => {
  const event = { methodArn, headers: null, queryStringParameters: { token: null } }
  await expect(authorize(event, verify)).rejects.toThrow(/^Unauthorized$/)
})

test('an authorizer event whose context is null can be logged', async () => {
  const world = makeWorld()
  const fails = () => Promise.reject(new Error('x'))
  const event = { methodArn, requestContext: null, queryStringParameters: { token: '1001' } }
  await expect(authorize(event, fails, world)).rejects.toThrow('x')
  expect(world.lines).toHaveLength(1)
})

test.each([
  ['headers', { headers: null }],
  ['query', { queryStringParameters: null }],
  ['single header', { headers: { 'Sec-WebSocket-Protocol': null } }],
  ['identity', { requestContext: { ...connectEvent().requestContext, identity: null } }],
  ['user agent', { requestContext: { ...connectEvent().requestContext, identity: { userAgent: null } } }],
])('a client whose %s is null connects, sends and leaves', async (_name, nulls) => {
  const world = makeWorld()
  expect(await connect({ ...connectEvent(), ...nulls }, world)).toEqual({ statusCode: 200 })
  expect(await receive({ ...messageEvent({ action: 'ping' }), ...nulls }, lambdaContext, world)).toMatchObject({
    statusCode: 200,
    body: expect.stringContaining('"pong"'),
  })
  expect(await disconnect({ ...connectEvent(), ...nulls }, world)).toEqual({ statusCode: 200 })
  expect(await world.connections.list('1001')).toEqual([])
  expect(world.telemetry.seen).toEqual([])
})

test('a message without text is a bad one, whether its body is null or missing', async () => {
  const answer = (event: Event) => receive(event, lambdaContext, makeWorld())
  const event = { ...messageEvent(''), isBase64Encoded: null }
  expect(await answer({ ...event, body: null })).toMatchObject({ body: expect.stringContaining('BAD_REQUEST') })
  expect(await answer({ ...event, body: null })).toEqual(await answer(without(event, 'body')))
})

test('what SQS adds to a message may be null', async () => {
  const body = JSON.stringify({ companyId: '1001', correlationId: 'c1', due: start })
  const record = { messageId: 'm0', body, attributes: null, messageAttributes: null, md5OfMessageAttributes: null }
  expect(await watch({ Records: [record] }, makeWorld())).toEqual({ batchItemFailures: [] })
})
