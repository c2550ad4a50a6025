import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import type { VerifyToken } from '../../../functions/access/tokens.ts'
import { handler } from '../../../functions/ws/authorizer.ts'
import { authorizerReporting } from '../../../functions/ws/authorizer-reporting.ts'
import { type SentryIngest, sentryIngest } from '../../shared/support/sentry-ingest.ts'
import { authorize } from '../support.ts'

const methodArn = 'arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/$connect'
const exp = 1_800_000_000

const verify: VerifyToken = async (token) => {
  if (token === 'aaa.bbb.ccc') return { ok: true, value: { role: 'marketplace', companyId: '1001', exp } }
  if (token === 'english') return { ok: true, value: { role: 'marketplace', companyId: '1001', lang: 'en', exp } }
  if (token === 'anna') return { ok: true, value: { role: 'marketplace', companyId: '1001', sub: 'anna', exp } }
  if (token === 'admin') return { ok: true, value: { role: 'admin', exp } }
  return { ok: false, error: 'invalid' }
}

type Event = { headers?: Record<string, string> | null; queryStringParameters?: Record<string, string> | null }
const ask = (event: Event) => authorize({ type: 'REQUEST', methodArn, ...event }, verify)
const allowed = { companyId: '1001', role: 'marketplace', language: 'ru', exp }

describe('a client is accepted', () => {
  test.each<[string, Event]>([
    ['by a sub-protocol', { headers: { 'Sec-WebSocket-Protocol': 'pairplane.v1, jwt.aaa.bbb.ccc' } }],
    ['however the header is written', { headers: { 'sec-websocket-protocol': 'jwt.aaa.bbb.ccc,pairplane.v1' } }],
    ['by the query', { headers: null, queryStringParameters: { token: 'aaa.bbb.ccc' } }],
  ])('%s', async (_name, event) => {
    expect(await ask(event)).toEqual({
      principalId: '1001',
      policyDocument: {
        Version: '2012-10-17',
        Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: methodArn }],
      },
      context: allowed,
    })
  })

  test.each<[string, Event]>([
    ['its token', { queryStringParameters: { token: 'english', lang: 'ru' } }],
    ['its connection', { queryStringParameters: { token: 'aaa.bbb.ccc', lang: 'en' } }],
    [
      'its browser',
      { headers: { 'Accept-Language': 'de,en-US;q=0.8' }, queryStringParameters: { token: 'aaa.bbb.ccc' } },
    ],
  ])('in the language of %s', async (_name, event) => {
    expect((await ask(event)).context).toMatchObject({ language: 'en' })
  })
})

test('the person that the token was signed for is named to the functions behind', async () => {
  expect((await ask({ queryStringParameters: { token: 'anna' } })).context).toEqual({ ...allowed, sub: 'anna' })
})

describe('refused', () => {
  test.each<[string, Event]>([
    ['who has no token', { headers: {}, queryStringParameters: {} }],
    ['who names nothing at all', { headers: null, queryStringParameters: null }],
    ['who has an empty one', { headers: { 'Sec-WebSocket-Protocol': 'pairplane.v1, jwt.' } }],
    ['who has a bad one', { queryStringParameters: { token: 'bad' } }],
  ])('is %s, with what API Gateway turns into 401', async (_name, event) => {
    await expect(ask(event)).rejects.toThrow(/^Unauthorized$/)
  })

  test('is an admin, with 403, because a connection belongs to a company', async () => {
    const policy = await ask({ queryStringParameters: { token: 'admin' } })
    expect(policy.policyDocument.Statement[0]?.Effect).toBe('Deny')
    expect(policy.context).toBeUndefined()
  })
})

test('keys that cannot be loaded are not a refusal', async () => {
  const away: VerifyToken = () => Promise.reject(new Error('secretsmanager is unavailable'))
  const event = { methodArn, queryStringParameters: { token: 'aaa.bbb.ccc' } }
  await expect(authorize(event, away)).rejects.not.toThrow(/^Unauthorized$/)
})

describe('a token that could not be checked', () => {
  let ingest: SentryIngest
  beforeAll(async () => {
    ingest = await sentryIngest()
    // Load Sentry first: the authorizer waits 1.5 s for it at most, and a busy machine takes longer to load it.
    await import('../../../functions/telemetry/sentry.ts')
  })
  afterAll(() => ingest.stop())

  const event = { methodArn, requestContext: { requestId: 'r1' }, queryStringParameters: { token: 'aaa.bbb.ccc' } }
  async function fail(error: unknown, env: NodeJS.ProcessEnv) {
    const lines: string[] = []
    const reporting = authorizerReporting(env, { write: (line) => lines.push(line) })
    await expect(authorize(event, () => Promise.reject(error), reporting)).rejects.toBe(error)
    return lines.map((line) => JSON.parse(line))
  }

  test('is logged with its request, and reported', async () => {
    const env = { SENTRY_DSN: ingest.dsn, METRICS_NAMESPACE: 'Pairplane/prod', BUILD_VERSION: '1.2.3' }
    const lines = await fail(new TypeError('no key for 79001234567'), env)
    expect(lines).toMatchObject([{ level: 'error', code: 'INTERNAL', correlationId: 'r1', component: 'authorizer' }])
    expect(ingest.events).toMatchObject([
      { release: '1.2.3', environment: 'prod', tags: { component: 'authorizer', code: 'INTERNAL' } },
    ])
    expect(ingest.texts.join()).not.toContain('79001234567')
  })

  test('is logged even if the settings of Sentry are wrong', async () => {
    const env = { SENTRY_DSN: ingest.dsn, METRICS_NAMESPACE: '', BUILD_VERSION: '' }
    expect(await fail(new TypeError('no key'), env)).toMatchObject([{ level: 'error', code: 'INTERNAL' }])
  })

  test('because of an outage is logged alone, and so is everything without a DSN', async () => {
    ingest.events.length = 0
    const away = new StoreUnavailable('secretsmanager', new Error('away'))
    expect(await fail(away, { SENTRY_DSN: ingest.dsn })).toMatchObject([{ code: 'STORE_UNAVAILABLE' }])
    expect(await fail(new Error('x'), {})).toMatchObject([{ code: 'INTERNAL' }])
    expect(ingest.events).toEqual([])
  })

  test('still fails, so that API Gateway answers 500', async () => {
    // The environment has no `TOKEN_ISSUER` here.
    await expect(handler(event)).rejects.toThrow('TOKEN_ISSUER')
  })
})
