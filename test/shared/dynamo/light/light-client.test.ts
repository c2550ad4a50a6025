/** The hosts' client against a DynamoDB that answers as a test wants; `retries.test.ts` has its repeated calls. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { crc32 } from 'node:zlib'
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { BatchGetCommand, GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { documentClient } from '#shared/dynamo/document-client.ts'
import { findAccount } from '#shared/dynamo/light/account.ts'
import { type LightDeps, lightClient } from '#shared/dynamo/light/light-client.ts'
import { systemRetries } from '#shared/dynamo/retries.ts'
import { type Answer, type Asked, answer, answeringServers, refuse } from '../answering.ts'

const start = answeringServers()
afterEach(() => vi.unstubAllEnvs())

const retries = { ...systemRetries, pause: async () => undefined }
const command = () => new GetCommand({ TableName: 'table', Key: { pk: 'a', sk: 'b' } })

async function setUp(how: Answer, overrides: object = {}, deps: Partial<LightDeps> = {}) {
  const { asked, config } = await start(how)
  const client = lightClient({ wholeMs: 20_000 }, { ...config, ...overrides }, { retries, ...deps })
  return { asked, config, client, get: () => client.send(command()) }
}

const header = (name: string) => (request: Asked) => request.headers[name]

test('a call is a signed POST of the operation', async () => {
  const { asked, get } = await setUp((response) => answer(response, { Item: { a: { N: '1' } } }))
  expect(await get()).toMatchObject({ Item: { a: 1 }, $metadata: { httpStatusCode: 200 } })
  expect(asked[0]?.body).toBe('{"TableName":"table","Key":{"pk":{"S":"a"},"sk":{"S":"b"}}}')
  expect(asked[0]?.headers).toMatchObject({
    'x-amz-target': 'DynamoDB_20120810.GetItem',
    authorization: expect.stringContaining('Credential=test/'),
  })
  expect(asked[0]?.headers).not.toHaveProperty('x-amz-security-token')
})

test('connections are kept', async () => {
  const ports = new Set<unknown>()
  const { asked, get } = await setUp((response) => {
    ports.add(response.socket?.remotePort)
    answer(response, {})
  })
  for (let call = 0; call < 3; call++) await get()
  expect([asked.length, ports.size]).toEqual([3, 1])
})

test('keys that stay unprocessed are read as they were written', async () => {
  const Keys = [{ pk: { S: 'a' }, sk: { S: 'b' } }]
  const { client } = await setUp((response) =>
    answer(response, { Responses: { table: [] }, UnprocessedKeys: { table: { Keys, ConsistentRead: true } } }),
  )
  const asked = { table: { Keys: [{ pk: 'a', sk: 'b' }], ConsistentRead: true } }
  expect((await client.send(new BatchGetCommand({ RequestItems: asked }))).UnprocessedKeys).toEqual(asked)
})

test('a command that is not supported, and a value that cannot be stored, are bugs, and nothing is sent', async () => {
  const { asked, client } = await setUp((response) => answer(response, {}))
  await expect(client.send(new ScanCommand({ TableName: 'table' }))).rejects.toThrow(TypeError)
  await expect(client.send(new ScanCommand({ TableName: 'table' }))).rejects.toThrow('ScanCommand')
  await expect(client.send(new PutCommand({ TableName: 'table', Item: { a: new Date() } }))).rejects.toThrow(TypeError)
  expect(asked).toEqual([])
})

describe('refusals', () => {
  test('a failed condition has the class that it has with the SDK', async () => {
    const { config, get } = await setUp(refuse(400, 'ConditionalCheckFailedException', { message: 'no' }))
    const error = await get().catch((thrown: unknown) => thrown)
    const ofSdk = await documentClient({}, config)
      .send(command())
      .catch((thrown: unknown) => thrown)
    if (!(error instanceof ConditionalCheckFailedException && ofSdk instanceof ConditionalCheckFailedException)) {
      throw new Error('Another class')
    }
    expect([error.name, error.message]).toEqual([ofSdk.name, ofSdk.message])
  })

  test('a proxy that refuses is an outage, and is not asked again', async () => {
    const { asked, get } = await setUp((response) => response.writeHead(403).end('<p>no</p>'))
    await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', cause: { name: 'UnknownError' } })
    expect(asked).toHaveLength(1)
  })
})

describe('answers that are damaged', () => {
  const body = JSON.stringify({ Item: { a: { N: '1' } } })
  const send =
    (text: string, sum = crc32(body)): Answer =>
    (response) =>
      response.writeHead(200, { 'x-amz-crc32': String(sum) }).end(text)
  const whole = send(body)

  test.each<[string, Answer]>([
    ['with another checksum', send(body.replace('1', '2'))],
    ['that are not JSON', send('<p>', crc32('<p>'))],
    // Read as an output they would be a bug of the caller, so that a write which succeeded would count as refused.
    ['that are null', send('null', crc32('null'))],
    ['that are a list', send('[]', crc32('[]'))],
    ['that are a text', send('"a"', crc32('"a"'))],
    [
      'that say they failed, with another checksum',
      (response) => refuse(400, 'X', {}, { 'x-amz-crc32': '1' })(response),
    ],
  ])('%s are asked for again', async (_name, damaged) => {
    const { asked, get } = await setUp((response, times, request) =>
      (times < 3 ? damaged : whole)(response, times, request),
    )
    expect((await get()).Item).toEqual({ a: 1 })
    expect(asked).toHaveLength(3)
  })

  test.each<[string, Answer]>([
    ['another checksum', send('{}')],
    ['no object', send('null', crc32('null'))],
  ])('all the time, with %s, are an outage', async (_name, damaged) => {
    let now = 0
    const short = { ...retries, now: () => (now += 1_000) }
    const { get } = await setUp(damaged, {}, { retries: short })
    await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', cause: { name: 'BrokenAnswer' } })
  })
})

describe('a clock that is wrong', () => {
  const served = Date.UTC(2026, 0, 2, 12)
  const date = new Date(served).toUTCString()
  const clock = () => served - 3_600_000
  const at = ({ headers }: Asked) => String(headers['x-amz-date'])

  test.each(['InvalidSignatureException', 'RequestTimeTooSkewed', 'RequestExpired'])(
    'is corrected by the service’s after %s, for later calls too',
    async (name) => {
      const { asked, get } = await setUp(
        (response, times) => (times === 1 ? refuse(400, name, {}, { date })(response) : answer(response, {})),
        {},
        { clock },
      )
      await get()
      await get()
      expect(asked.map(at)).toEqual(['20260102T110000Z', '20260102T120000Z', '20260102T120000Z'])
    },
  )

  test('is corrected for all calls that were under way', async () => {
    const { asked, get } = await setUp(
      (response, _times, request) =>
        at(request) < '20260102T12'
          ? refuse(400, 'RequestTimeTooSkewed', {}, { date })(response)
          : answer(response, {}),
      {},
      { clock },
    )
    await Promise.all([get(), get(), get()])
    expect(asked).toHaveLength(6)
  })

  test.each<[string, () => number]>([
    ['that is right', () => served + 2_000],
    ['that the service corrects without end', clock],
  ])('a signature is not tried for ever with a clock %s', async (_name, now) => {
    let hours = 0
    const { asked, get } = await setUp(
      (response) => {
        const later = new Date(served + (now === clock ? ++hours * 3_600_000 : 0)).toUTCString()
        refuse(400, 'InvalidSignatureException', {}, { date: later })(response)
      },
      {},
      { clock: now },
    )
    await expect(get()).rejects.toMatchObject({ name: 'InvalidSignatureException' })
    expect(asked).toHaveLength(now === clock ? 3 : 1)
  })
})

describe('credentials that expire', () => {
  /** Credentials with a new token each time that they are asked for. */
  function provider(expiration: () => Date) {
    let times = 0
    return async () => ({
      ...{ accessKeyId: 'test', secretAccessKey: 'test', expiration: expiration() },
      sessionToken: `token-${++times}`,
    })
  }
  const inAnHour = () => new Date(Date.now() + 3_600_000)

  test('are sent with their token, and kept', async () => {
    const { asked, get } = await setUp((response) => answer(response, {}), { credentials: provider(inAnHour) })
    await get()
    await get()
    expect(asked.map(header('x-amz-security-token'))).toEqual(['token-1', 'token-1'])
  })

  test('are replaced before they do', async () => {
    const { asked, get } = await setUp((response) => answer(response, {}), {
      credentials: provider(() => new Date(Date.now() + 240_000)),
    })
    await get()
    await get()
    const [first, second] = asked.map(header('x-amz-security-token'))
    expect(second).not.toBe(first)
  })

  test('are replaced when the service says so, once for all calls that were under way', async () => {
    const firstIsDone = Promise.withResolvers<void>()
    const { asked, get } = await setUp(
      (response, times, { headers }) => {
        if (headers['x-amz-security-token'] !== 'token-1') return answer(response, {})
        const refuseIt = () => refuse(400, 'ExpiredTokenException')(response)
        return times === 1 ? refuseIt() : firstIsDone.promise.then(refuseIt)
      },
      { credentials: provider(inAnHour) },
    )
    const both = [get(), get()]
    await Promise.race(both)
    firstIsDone.resolve()
    await Promise.all(both)
    const tokens = asked.map(header('x-amz-security-token'))
    expect(tokens.toSorted()).toEqual(['token-1', 'token-1', 'token-2', 'token-2'])
  })

  // A refusal would tell the stores that no later call can succeed, and that nothing is left half written (R64).
  test('and stay expired are an outage', async () => {
    let now = 0
    const short = { ...retries, now: () => (now += 5_000) }
    const expired = refuse(400, 'ExpiredTokenException')
    const { asked, get } = await setUp(expired, { credentials: provider(inAnHour) }, { retries: short })
    const cause = { name: 'ExpiredTokenException' }
    await expect(get()).rejects.toMatchObject({ name: 'StoreUnavailable', cause })
    const inOneTry = 3
    expect(asked).toHaveLength(2 * inOneTry)
  })
})

test('endpoint, region and a task’s credentials come from the environment', async () => {
  const role = { AccessKeyId: 'role', SecretAccessKey: 's', Token: 't', Expiration: new Date(2 ** 42).toISOString() }
  const { asked, config } = await start((response, times) =>
    times === 1 ? response.end(JSON.stringify(role)) : answer(response, {}),
  )
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined)
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', config.endpoint)
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', config.endpoint)
  vi.stubEnv('AWS_REGION', 'eu-north-1')
  await lightClient({ wholeMs: 20_000 }).send(command())
  expect(header('x-amz-security-token')(asked[1]!)).toBe('t')
  expect(header('authorization')(asked[1]!)).toMatch(/Credential=role\/\d+\/eu-north-1\/dynamodb/)
})

test.each(['credentials', 'place'] as const)(
  '%s that the SDK never finds are looked for anew after a while',
  async (find) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const silent = new Promise<never>(() => undefined)
    const found = { accessKeyId: 'found', secretAccessKey: 'test' }
    let times = 0
    const credentials = async () => (++times === 1 ? silent : found)
    const account = findAccount({ region: 'eu-central-1', credentials })
    void account[find]()
    await vi.advanceTimersByTimeAsync(9_000)
    void account[find]()
    expect(times).toBe(1)
    await vi.advanceTimersByTimeAsync(1_000)
    await account.place()
    expect(await account.credentials()).toMatchObject(found)
    // The second call waits for the same fetch, and must not end the client that has begun anew.
    await vi.advanceTimersByTimeAsync(9_000)
    await account.credentials()
    expect(times).toBe(2)
  },
)

test('a call whose credentials come too late is not sent', async () => {
  const late = Promise.withResolvers<void>()
  const credentials = async () => {
    await late.promise
    return { accessKeyId: 'test', secretAccessKey: 'test' }
  }
  const { asked, config } = await start((response) => answer(response, {}))
  const client = lightClient({ wholeMs: 100 }, { ...config, credentials }, { retries })
  await expect(client.send(command())).rejects.toMatchObject({ name: 'StoreUnavailable' })
  late.resolve()
  const other = lightClient({ wholeMs: 20_000 }, config, { retries })
  await other.send(command())
  await client.send(command())
  expect(asked).toHaveLength(2)
})

test.each<[object, string]>([
  [{}, 'https://dynamodb.eu-central-1.amazonaws.com/'],
  [{ useFipsEndpoint: true }, 'https://dynamodb-fips.eu-central-1.amazonaws.com/'],
  [{ endpoint: 'http://127.0.0.1:8000/path' }, 'http://127.0.0.1:8000/path/'],
])('with %o the address is %s', async (config, expected) => {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const account = findAccount({ region: 'eu-central-1', credentials, ...config })
  expect((await account.place()).endpoint.href).toBe(expected)
})

test('an address that could not be found is looked for again', async () => {
  let region: string | undefined
  const find = async () => {
    if (region === undefined) throw new Error('test')
    return region
  }
  const account = findAccount({ region: find, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } })
  await expect(account.place()).rejects.toThrow()
  region = 'us-east-1'
  expect((await account.place()).endpoint.host).toBe('dynamodb.us-east-1.amazonaws.com')
})

test('an https endpoint is spoken to in TLS, and a handshake without an end is given up as a connection', async () => {
  const first: (number | undefined)[] = []
  const silent = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) => first.push(data[0]))
  })
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  const endpoint = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  let now = 0
  const short = { ...retries, now: () => (now += 500) }
  const limits = { wholeMs: 3_000, connectMs: 100 }
  const client = lightClient(limits, { endpoint, region: 'us-east-1', credentials }, { retries: short })
  const error = await client.send(command()).catch((thrown: unknown) => thrown)
  silent.close()
  expect(error).toMatchObject({ name: 'StoreUnavailable', cause: { message: 'No connection in time' } })
  const clientHello = 22
  expect(first.length).toBeGreaterThan(1)
  expect(new Set(first)).toEqual(new Set([clientHello]))
})
