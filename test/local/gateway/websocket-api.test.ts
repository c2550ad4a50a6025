import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { webSocketApi } from '../support/assembly.ts'
import { connect, heldAnswer, runCloud, type TinyRun, upgradeStatus } from '../support/run.ts'

const accept = 'export const handler = async () => ({ statusCode: 200 })'
/** Source of a function that answers with its own event. */
const echo = 'export const handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event) })'

const management = (run: TinyRun) =>
  new ApiGatewayManagementApiClient({
    endpoint: run.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  })

const policy = (effect: string, context = '{}') =>
  `({ principalId: 'u1', context: ${context}, policyDocument: { Version: '2012-10-17', Statement: [{ Action: 'execute-api:Invoke', Effect: '${effect}', Resource: event.methodArn }] } })`

describe('the authorizer', () => {
  const authorizer = `export const handler = async (event) => {
    const token = event.queryStringParameters?.token
    if (token === 'unauthorized') throw new Error('Unauthorized')
    if (token === 'crash') throw new Error('out of order')
    if (token === 'nonsense') return { hello: 1 }
    if (token === 'deny') return ${policy('Deny')}
    return ${policy('Allow', "{ companyId: '1001', exp: 12, vip: true }")}
  }`
  const cloud = {
    functions: { Guard: { code: authorizer }, Accept: { code: accept }, Echo: { code: echo } },
    resources: webSocketApi(
      { $connect: 'Accept', $default: 'Echo' },
      { authorizer: 'Guard', identity: ['route.request.querystring.token'] },
    ),
  }

  test('decides about the upgrade', async () => {
    const run = await runCloud(cloud)
    const status = (query: string) => upgradeStatus(run.wsUrl + query)
    expect(await status('?token=good')).toBe(101)
    expect(await status('?token=unauthorized')).toBe(401)
    expect(await status('?token=deny')).toBe(403)
    expect(await status('?token=crash')).toBe(500)
    expect(await status('?token=nonsense')).toBe(500)
    expect(await status('/elsewhere?token=good')).toBe(404)
  })

  test('is not asked when an identity source is missing', async () => {
    const run = await runCloud({
      ...cloud,
      functions: { ...cloud.functions, Guard: { code: 'throw new Error("loaded")' } },
    })
    run.logged.length = 0
    expect(await upgradeStatus(run.wsUrl)).toBe(401)
    expect(await upgradeStatus(`${run.wsUrl}?token=`)).toBe(401)
    expect(run.logged).toEqual([])
  })

  test('leaves its context, as text, in every later event', async () => {
    const run = await runCloud(cloud)
    const client = await connect(`${run.wsUrl}?token=good`)
    client.send({ action: 'anything' })
    const event = await client.nextJson()
    expect(event['requestContext']).toMatchObject({
      authorizer: { principalId: 'u1', companyId: '1001', exp: '12', vip: 'true' },
    })
  })
})

describe('$connect', () => {
  const connectWith = (body: string) => ({
    functions: { Connect: { code: `export const handler = async (event) => ${body}` } },
    resources: webSocketApi({ $connect: 'Connect' }),
  })

  test('refuses with the status that it returns', async () => {
    const run = await runCloud(connectWith('({ statusCode: Number(event.queryStringParameters.status) })'))
    expect(await upgradeStatus(`${run.wsUrl}?status=403`)).toBe(403)
    expect(await upgradeStatus(`${run.wsUrl}?status=429`)).toBe(429)
    expect(await upgradeStatus(`${run.wsUrl}?status=200`)).toBe(101)
  })

  test('that crashes is a bad gateway', async () => {
    const run = await runCloud(connectWith('{ throw new Error("no") }'))
    expect(await upgradeStatus(run.wsUrl)).toBe(502)
  })

  test('chooses the sub-protocol', async () => {
    const run = await runCloud(connectWith("({ statusCode: 200, headers: { 'Sec-WebSocket-Protocol': 'pair.v1' } })"))
    const client = await connect(run.wsUrl, ['pair.v1', 'jwt.abc'])
    expect(client.socket.protocol).toBe('pair.v1')
  })

  test('that names no sub-protocol gets none answered', async () => {
    const run = await runCloud(connectWith('({ statusCode: 200 })'))
    // A client that asked for sub-protocols fails when the answer has none, as a browser does.
    await expect(connect(run.wsUrl, ['pair.v1', 'jwt.abc'])).rejects.toThrow('Server sent no subprotocol')
  })
})

describe('messages', () => {
  const cloud = {
    functions: {
      Echo: { code: echo },
      Crash: { code: 'export const handler = async () => { throw new Error("no") }' },
      Slow: {
        code: 'export const handler = () => new Promise((done) => setTimeout(() => done({ statusCode: 200, body: "slow" }), 300))',
      },
      Never: { code: 'export const handler = () => new Promise(() => setTimeout(() => {}, 60000))', timeout: 1 },
    },
    resources: webSocketApi(
      { $default: 'Echo', crash: 'Crash', slow: 'Slow', never: 'Never', silent: 'Echo' },
      { silent: ['silent'] },
    ),
  }

  test('are routed by their action, and everything else by $default', async () => {
    const run = await runCloud(cloud)
    const client = await connect(run.wsUrl)
    const routeOf = async (message: unknown) => {
      client.send(message)
      return ((await client.nextJson())['requestContext'] as { routeKey: string }).routeKey
    }
    for (const message of ['no json', '[]', '7', { action: 'other' }, { action: '$connect' }, { action: 5 }, {}]) {
      expect(await routeOf(message)).toBe('$default')
    }
  })

  test('carry neither headers nor a query, but a body and ids', async () => {
    const run = await runCloud(cloud)
    const client = await connect(`${run.wsUrl}?a=1`)
    client.send({ action: 'x', n: 1 })
    const event = await client.nextJson()
    expect(Object.keys(event).sort()).toEqual(['body', 'isBase64Encoded', 'requestContext'])
    expect(event['body']).toBe('{"action":"x","n":1}')
    expect(event['requestContext']).toMatchObject({ eventType: 'MESSAGE', messageDirection: 'IN', stage: 'dev' })
  })

  test('whose function fails or times out are answered by the gateway, and the connection lives on', async () => {
    const run = await runCloud(cloud)
    const client = await connect(run.wsUrl)
    for (const action of ['crash', 'never']) {
      client.send({ action })
      const answer = await client.nextJson()
      expect(answer).toMatchObject({ message: 'Internal server error' })
      expect(Object.keys(answer).sort()).toEqual(['connectionId', 'message', 'requestId'])
    }
    expect(run.logged.join()).toContain('Task timed out after 1.00 seconds')
    client.send({ action: 'x' })
    expect(await client.nextJson()).toHaveProperty('body')
  })

  test('are answered only through a route response', async () => {
    const run = await runCloud(cloud)
    const client = await connect(run.wsUrl)
    client.send({ action: 'silent' })
    client.send({ action: 'slow' })
    expect(await client.next()).toBe('slow')
  })

  test('of one connection run at the same time', async () => {
    const gate = await heldAnswer()
    const code = `export const handler = async () => { await fetch('${gate.url}'); return { statusCode: 200, body: 'slow' } }`
    const run = await runCloud({ ...cloud, functions: { ...cloud.functions, Slow: { code } } })
    const client = await connect(run.wsUrl)
    client.send({ action: 'slow' })
    await gate.asked
    client.send({ action: 'x' })
    expect(JSON.parse(await client.next())).toHaveProperty('body')
    gate.answer()
    expect(await client.next()).toBe('slow')
  })

  test('without a route and without $default are forbidden', async () => {
    const run = await runCloud({ functions: { Echo: { code: echo } }, resources: webSocketApi({ known: 'Echo' }) })
    const client = await connect(run.wsUrl)
    client.send({ action: 'unknown' })
    expect(await client.nextJson()).toMatchObject({ message: 'Forbidden' })
  })
})

describe('limits', () => {
  const cloud = {
    functions: {
      Size: { code: 'export const handler = async (event) => ({ statusCode: 200, body: String(event.body.length) })' },
    },
    resources: webSocketApi({ $default: 'Size' }),
  }
  const kilobytes = (n: number) => 'x'.repeat(n * 1024)

  test('a frame of 32 KB passes, a longer one closes with 1009', async () => {
    const run = await runCloud(cloud)
    const client = await connect(run.wsUrl)
    client.send(kilobytes(32))
    expect(await client.next()).toBe(String(32 * 1024))
    client.send(`${kilobytes(32)}x`)
    expect((await client.closed).code).toBe(1009)
  })

  test('a message of 128 KB in frames passes, a longer one closes with 1009', async () => {
    const run = await runCloud(cloud)
    const inFrames = (client: { socket: import('ws').WebSocket }, frames: number) => {
      for (let i = 1; i <= frames; i += 1) client.socket.send(kilobytes(32), { fin: i === frames })
    }
    const client = await connect(run.wsUrl)
    inFrames(client, 4)
    expect(await client.next()).toBe(String(128 * 1024))
    inFrames(client, 5)
    expect((await client.closed).code).toBe(1009)
  })

  test('binary closes with 1003', async () => {
    const run = await runCloud(cloud)
    const client = await connect(run.wsUrl)
    client.socket.send(Buffer.from('{}'))
    expect((await client.closed).code).toBe(1003)
  })

  test('an idle connection is closed, an active one is not', async () => {
    const run = await runCloud(cloud, { limits: { idleMs: 400, durationMs: 60_000 } })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const [idle, active] = [await connect(run.wsUrl), await connect(run.wsUrl)]
    vi.advanceTimersByTime(300)
    active.send('x')
    await active.next()
    vi.advanceTimersByTime(300)
    expect(await idle.closed).toEqual({ code: 1001, reason: 'Going away' })
    active.send('x')
    await active.next()
  })

  test('no connection lives longer than its time', async () => {
    const run = await runCloud(cloud, { limits: { idleMs: 60_000, durationMs: 70_000 } })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const client = await connect(run.wsUrl)
    vi.advanceTimersByTime(59_000)
    client.send('x')
    await client.next()
    vi.advanceTimersByTime(11_000)
    expect((await client.closed).code).toBe(1001)
  })
})

describe('@connections', () => {
  const cloud = {
    functions: {
      Echo: { code: echo },
      Bye: { code: 'export const handler = async (event) => console.log(JSON.stringify(event))' },
      // Sends to its own connection before the connection exists.
      Early: {
        code: `export const handler = async (event) => {
          const id = encodeURIComponent(event.requestContext.connectionId)
          const answer = await fetch(process.env.CALLBACK_URL + '/@connections/' + id, { method: 'POST', body: 'early' })
          return { statusCode: answer.status === 410 ? 200 : 500 }
        }`,
        variables: {
          CALLBACK_URL: {
            'Fn::Join': [
              '',
              [
                'https://',
                { Ref: 'Socket' },
                '.execute-api.',
                { Ref: 'AWS::Region' },
                '.',
                { Ref: 'AWS::URLSuffix' },
                '/dev',
              ],
            ],
          },
        },
      },
    },
    resources: webSocketApi({ $connect: 'Early', $disconnect: 'Bye', $default: 'Echo' }),
  }
  const open = async (run: TinyRun) => {
    const client = await connect(run.wsUrl)
    client.send('who am I')
    const { connectionId } = (await client.nextJson())['requestContext'] as { connectionId: string }
    return { client, connectionId }
  }

  test('serves the real SDK: write, look, hang up, gone', async () => {
    const run = await runCloud(cloud)
    const { client, connectionId } = await open(run)
    const api = management(run)
    await api.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: 'hello' }))
    expect(await client.next()).toBe('hello')

    const seen = await api.send(new GetConnectionCommand({ ConnectionId: connectionId }))
    expect(seen.ConnectedAt).toBeInstanceOf(Date)
    expect(seen.Identity?.SourceIp).toBe('127.0.0.1')
    expect(seen.LastActiveAt!.getTime()).toBeGreaterThanOrEqual(seen.ConnectedAt!.getTime())

    const deleted = await api.send(new DeleteConnectionCommand({ ConnectionId: connectionId }))
    expect(deleted.$metadata.httpStatusCode).toBe(204)
    await client.closed
    await expect(
      api.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: 'late' })),
    ).rejects.toMatchObject({ name: 'GoneException', $metadata: { httpStatusCode: 410 } })
  })

  test('refuses what is too long, and a connection that is still connecting', async () => {
    const run = await runCloud(cloud)
    // `Early` refuses the upgrade unless it got 410.
    const { client, connectionId } = await open(run)
    const post = (Data: string) =>
      management(run).send(new PostToConnectionCommand({ ConnectionId: connectionId, Data }))
    await post('x'.repeat(128 * 1024))
    expect(await client.next()).toHaveLength(128 * 1024)
    await expect(post('x'.repeat(128 * 1024 + 1))).rejects.toMatchObject({ name: 'PayloadTooLargeException' })
  })

  test('connections that are open when the run stops are closed, and reported', async () => {
    const run = await runCloud(cloud)
    const { client } = await open(run)
    await run.stop()
    expect(await client.closed).toEqual({ code: 1001, reason: 'Going away' })
    expect(run.logged.filter((line) => line.includes('"disconnectStatusCode":1001'))).toHaveLength(1)
  })

  test('a closed connection reports how it ended', async () => {
    const run = await runCloud(cloud)
    const first = await open(run)
    first.client.socket.close(4000, 'had enough')
    const second = await open(run)
    second.client.socket.terminate()
    const disconnects = async () => {
      for (;;) {
        const events = run.logged.filter((line) => line.includes('DISCONNECT')).map((line) => JSON.parse(line))
        if (events.length === 2) return events
        await sleep(20)
      }
    }
    const contexts = (await disconnects()).map((event) => event.requestContext)
    expect(contexts).toContainEqual(
      expect.objectContaining({ disconnectStatusCode: 4000, disconnectReason: 'had enough', routeKey: '$disconnect' }),
    )
    expect(contexts).toContainEqual(expect.objectContaining({ disconnectStatusCode: 1006 }))
  })
})
