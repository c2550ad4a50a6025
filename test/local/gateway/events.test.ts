import { describe, expect, test } from 'vitest'
import { decide, hasIdentity } from '../../../local/gateway/authorizer.ts'
import { frameSizes } from '../../../local/gateway/frame-sizes.ts'
import { throttled } from '../../../local/gateway/throttle.ts'
import {
  authorizerEvent,
  type ConnectionInfo,
  connectEvent,
  disconnectEvent,
  messageEvent,
} from '../../../local/gateway/websocket-events.ts'

const now = Date.UTC(2020, 11, 13, 10, 17, 47, 186)
const connection: ConnectionInfo = {
  connectionId: 'XfGLwfj9DoECFsg=',
  connectedAt: now - 1,
  apiId: 'abc123',
  stage: 'prod',
  domainName: 'localhost:4000',
  sourceIp: '127.0.0.1',
  userAgent: 'wscat',
  authorizer: { principalId: 'u1', companyId: 'c1', integrationLatency: 12 },
}
const request = {
  rawHeaders: ['Host', 'localhost:4000', 'Upgrade', 'websocket', 'Connection', 'Upgrade', 'X-A', '1', 'X-A', '2'],
  query: new URLSearchParams('token=t&x=1&x=2'),
}
const context = {
  stage: 'prod',
  connectionId: 'XfGLwfj9DoECFsg=',
  connectedAt: now - 1,
  requestTime: '13/Dec/2020:10:17:47 +0000',
  requestTimeEpoch: now,
  requestId: expect.stringMatching(/^[\w-]{15}=$/),
  extendedRequestId: expect.any(String),
  apiId: 'abc123',
  domainName: 'localhost:4000',
  messageDirection: 'IN',
  identity: { sourceIp: '127.0.0.1', userAgent: 'wscat' },
  authorizer: { principalId: 'u1', companyId: 'c1', integrationLatency: 12 },
}

describe('events of a WebSocket API', () => {
  test('CONNECT has headers in their own case, and the query', () => {
    expect(connectEvent(connection, request, now)).toEqual({
      headers: { Host: 'localhost:4000', 'X-A': '2', 'X-Forwarded-For': '127.0.0.1', 'X-Forwarded-Proto': 'http' },
      multiValueHeaders: {
        ...{ Host: ['localhost:4000'], 'X-A': ['1', '2'] },
        ...{ 'X-Forwarded-For': ['127.0.0.1'], 'X-Forwarded-Proto': ['http'] },
      },
      queryStringParameters: { token: 't', x: '2' },
      multiValueQueryStringParameters: { token: ['t'], x: ['1', '2'] },
      requestContext: { ...context, routeKey: '$connect', eventType: 'CONNECT' },
      isBase64Encoded: false,
    })
    const bare = connectEvent(connection, { ...request, query: new URLSearchParams() }, now)
    expect(bare).not.toHaveProperty('queryStringParameters')
  })

  test('the authorizer gets what $connect will get, with an ARN to decide about', () => {
    const { authorizer: _, ...anonymous } = connection
    const event = authorizerEvent({ ...anonymous, authorizer: undefined }, request, now)
    expect(event).toMatchObject({
      type: 'REQUEST',
      methodArn: 'arn:aws:execute-api:us-east-1:000000000000:abc123/prod/$connect',
      queryStringParameters: { token: 't' },
      stageVariables: {},
      requestContext: { routeKey: '$connect' },
    })
    expect(event).not.toHaveProperty('requestContext.authorizer')
  })

  test('MESSAGE has a body and nothing of the request', () => {
    expect(messageEvent(connection, 'pair', '{"action":"pair"}', now)).toEqual({
      requestContext: { ...context, routeKey: 'pair', eventType: 'MESSAGE', messageId: expect.any(String) },
      body: '{"action":"pair"}',
      isBase64Encoded: false,
    })
  })

  test('DISCONNECT says how', () => {
    expect(disconnectEvent(connection, 1001, '', now)).toMatchObject({
      requestContext: {
        ...context,
        ...{ routeKey: '$disconnect', eventType: 'DISCONNECT' },
        ...{ disconnectStatusCode: 1001, disconnectReason: 'Going away' },
      },
    })
  })
})

describe("an authorizer's answer", () => {
  const arn = 'arn:aws:execute-api:us-east-1:000000000000:abc123/prod/$connect'
  const answer = (...Statement: object[]) =>
    decide({ status: 'succeeded', value: { principalId: 'p', policyDocument: { Statement } } }, arn)
  const allow = (Resource: string | string[], Action: string | string[] = 'execute-api:Invoke') => ({
    ...{ Effect: 'Allow', Action, Resource },
  })
  const deny = (Resource: string) => ({ Effect: 'Deny', Action: '*', Resource })
  const refused = (httpStatus: number) => ({ status: 'refused', httpStatus })

  test('is weighed as a policy', () => {
    const admitted = { status: 'admitted', context: { principalId: 'p' } }
    expect(answer(allow(arn))).toEqual(admitted)
    expect(answer(allow('*', '*'))).toEqual(admitted)
    expect(answer(allow(['x', 'arn:aws:execute-api:*:*:abc123/prod/*'], ['execute-api:*']))).toEqual(admitted)
    expect(answer(allow('arn:aws:execute-api:us-east-1:000000000000:abc123/dev/*'))).toEqual(refused(403))
    expect(answer(allow(arn, 's3:GetObject'))).toEqual(refused(403))
    expect(answer(allow('*'), deny(arn))).toEqual(refused(403))
    expect(answer()).toEqual(refused(403))
  })

  test('without a policy, or with more than flat values, is an error of ours', () => {
    expect(decide({ status: 'succeeded', value: null }, arn)).toEqual(refused(500))
    const nested = { principalId: 'p', policyDocument: { Statement: [allow('*')] }, context: { a: { b: 1 } } }
    expect(decide({ status: 'succeeded', value: nested }, arn)).toEqual(refused(500))
  })

  test('identity sources are looked up as they are named', () => {
    expect(hasIdentity(['route.request.header.x-a', 'route.request.querystring.token'], request)).toBe(true)
    expect(hasIdentity(['route.request.header.Authorization'], request)).toBe(false)
    expect(hasIdentity([], request)).toBe(true)
    expect(() => hasIdentity(['stageVariables.x'], request)).toThrow('stageVariables.x')
  })
})

describe('frame lengths', () => {
  const frame = (length: number) => {
    const header =
      length < 126 ? [0x81, 0x80 | length] : length < 65_536 ? [0x81, 0xfe, length >> 8, length & 255] : undefined
    const long = Buffer.alloc(10)
    long.writeUInt16BE(0x81ff)
    long.writeBigUInt64BE(BigInt(length), 2)
    return Buffer.concat([header ? Buffer.from(header) : long, Buffer.alloc(4), Buffer.alloc(length)])
  }

  test.each([1, 2, 3, 1000, 100_000])('are read from chunks of %i bytes', (size) => {
    const lengths = [0, 5, 125, 126, 70_000, 1, 65_535, 65_536]
    const bytes = Buffer.concat(lengths.map(frame))
    const seen: number[] = []
    const read = frameSizes((length) => seen.push(length))
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size))
    expect(seen).toEqual(lengths)
  })

  test('are known before the payload has come', () => {
    const seen: number[] = []
    frameSizes((length) => seen.push(length))(frame(70_000).subarray(0, 20))
    expect(seen).toEqual([70_000])
  })
})

test('a throttle admits a burst, then its rate, for each route on its own', () => {
  const admit = throttled({ rate: 2, burst: 3 })
  const at = (now: number, route = 'a') => admit(route, now)
  expect([at(0), at(0), at(0), at(0)]).toEqual([true, true, true, false])
  expect([at(500), at(500)]).toEqual([true, false])
  expect(at(500, 'b')).toBe(true)
  expect([at(10_000), at(10_000), at(10_000), at(10_000)]).toEqual([true, true, true, false])
})
