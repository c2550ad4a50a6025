/** Tests that all functions fail in the same way: what is logged, counted, reported and flushed, and when they answer. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { recordFailure } from '../../functions/failures.ts'
import { credentialsRoutes } from '../../functions/http/credentials.ts'
import { endpoint } from '../../functions/http/endpoint.ts'
import { fleetRoutes } from '../../functions/http/fleet.ts'
import { healthRoutes } from '../../functions/http/health.ts'
import { metricsRoutes } from '../../functions/http/metrics.ts'
import { pairingRoutes } from '../../functions/http/pairing.ts'
import { sessionsRoutes } from '../../functions/http/sessions.ts'
import { type FunctionName, functions } from '../../functions/routes.ts'
import { type Context, reserved } from '../../functions/stack.ts'
import { memoryFuse } from '../fakes/memory-fuse.ts'
import {
  authorize,
  company,
  connect,
  connectEvent,
  disconnect,
  httpEvent,
  lambdaContext,
  makeWorld,
  messageEvent,
  phone,
  receive,
  start,
  type World,
  watch,
} from './support.ts'

type Code = 'INTERNAL' | 'STORE_UNAVAILABLE'
type Row = {
  readonly event: unknown
  readonly call: (event: unknown, world: World, context: Context) => Promise<unknown>
  /** Log message of a failure. */
  readonly message: string
  /** True when failures are counted for the alarms: their answers are no errors to Lambda. */
  readonly isCounted: boolean
  /** Answer to a failure of this code, or the name of the error that is thrown. */
  readonly answer: (code: Code, error: string) => unknown
  /** Log message and answer of a malformed event, if they differ. */
  readonly malformed?: { readonly message?: string; readonly answer?: unknown }
}

const http = (route: string, call: Row['call']): Row => ({
  event: httpEvent(route, { token: 'admin', body: { phoneNumber: '+7 900 123-45-67' } }),
  call,
  message: 'Request refused',
  isCounted: true,
  answer: (code) => ({
    statusCode: code === 'INTERNAL' ? 500 : 503,
    body: expect.stringContaining(`"code":"${code}"`),
  }),
})

/** Reads from the store, so that its troubles reach a function that has none. */
const ask = async (world: World) => void (await world.store.read(company))

const metricsOf = (world: World) => {
  const sum = async () => {
    await ask(world)
    return {}
  }
  return { ...world, metrics: { add: async () => {}, sum, hosts: async () => [] } }
}

const fleetOf = (world: World) => {
  const fuse = memoryFuse(world.clock)
  const openings = async () => {
    await ask(world)
    return fuse.openings()
  }
  return { ...world, fuse: { ...fuse, openings } }
}

/** Health asks nobody: only its version can fail. */
const healthOf = ({ log, away, broken }: World) => ({
  log,
  get version(): string {
    if (away.has('store')) throw Object.assign(new Error('slow'), { name: 'TimeoutError' })
    if (broken.has('store')) throw new TypeError('secret internals')
    return '1.2.3'
  },
})

const verifyOf = (world: World): World['verify'] => {
  return async (token) => {
    await ask(world)
    return world.verify(token)
  }
}

const table: Readonly<Record<FunctionName, Row>> = {
  authorizer: {
    event: { methodArn: 'arn:x', requestContext: { requestId: 'r1' }, queryStringParameters: { token: company } },
    call: (event, world, context) => authorize(event, verifyOf(world), world, context),
    message: 'A token could not be checked',
    isCounted: false,
    answer: (_code, error) => ({ thrown: error }),
  },
  connect: {
    event: connectEvent(),
    call: connect,
    message: 'Could not connect a client',
    isCounted: false,
    answer: (code) => ({ statusCode: code === 'INTERNAL' ? 500 : 503 }),
  },
  disconnect: {
    event: connectEvent(),
    call: disconnect,
    message: 'Could not remove a connection; it expires by itself',
    isCounted: false,
    answer: () => ({ statusCode: 200 }),
  },
  message: {
    event: messageEvent({ action: 'get-status' }),
    call: (event, world, context) => receive(event, context, world),
    message: 'Message refused',
    isCounted: true,
    answer: (code) => ({
      statusCode: 200,
      body: expect.stringMatching(new RegExp(`^\\{"event":"error".*"code":"${code}"`)),
    }),
    malformed: { answer: { statusCode: 400 } },
  },
  health: http('GET /api/health', (event, world, context) =>
    endpoint(healthRoutes, () => healthOf(world))(event, context),
  ),
  sessions: http('GET /api/whatsapp/sessions/{companyId}', (event, world, context) =>
    endpoint(sessionsRoutes, () => world)(event, context),
  ),
  pairing: http('POST /api/whatsapp/sessions/{companyId}/pairing-code', (event, world, context) =>
    endpoint(pairingRoutes, () => world)(event, context),
  ),
  credentials: http('DELETE /api/whatsapp/sessions/{companyId}/credentials', (event, world, context) =>
    endpoint(credentialsRoutes, () => world)(event, context),
  ),
  metrics: http('GET /api/whatsapp/metrics', (event, world, context) =>
    endpoint(metricsRoutes, () => metricsOf(world))(event, context),
  ),
  fleet: http('GET /api/whatsapp/fuse', (event, world, context) =>
    endpoint(fleetRoutes, () => fleetOf(world))(event, context),
  ),
  watchdog: {
    event: {
      Records: [{ messageId: 'm0', body: JSON.stringify({ companyId: company, correlationId: 'c1', due: start }) }],
    },
    call: watch,
    message: 'Could not check a company; the message comes again',
    isCounted: true,
    answer: () => ({ batchItemFailures: [{ itemIdentifier: 'm0' }] }),
    malformed: { message: 'Could not read a batch; its messages come again', answer: { thrown: 'ValiError' } },
  },
}

const rows = Object.keys(functions).map((name) => [name, table[name as FunctionName]] as const)
/** Health has no telemetry: nothing of it is counted, reported or flushed. */
const hasTelemetry = (name: string) => name !== 'health'

let world: World
beforeEach(() => {
  world = makeWorld()
})

/** Makes the store and the connections fail. */
function trouble(kind: 'away' | 'broken' | 'stuck'): void {
  world[kind].add('store').add('connections')
}

const outcomeOf = (answer: Promise<unknown>): Promise<unknown> =>
  answer.catch((error: unknown) => ({ thrown: error instanceof Error ? error.name : error }))

const failureLines = () =>
  world.lines.map((line) => JSON.parse(line)).filter(({ code }) => code === 'INTERNAL' || code === 'STORE_UNAVAILABLE')

describe.each(rows)('%s', (name, row) => {
  const { message, answer } = row
  const call = (event = row.event, context: Context = lambdaContext) => outcomeOf(row.call(event, world, context))
  const reported = (errors: readonly string[]) => (hasTelemetry(name) ? errors : [])
  const counted = (code: Code) => (row.isCounted && hasTelemetry(name) ? [code] : [])

  test('flushes before it answers', async () => {
    const answered = await call()
    expect(answered).not.toHaveProperty('thrown')
    expect(failureLines()).toEqual([])
    // The authorizer loads its telemetry when it fails: there is nothing to flush.
    expect(world.telemetry.flushes).toHaveLength(hasTelemetry(name) && name !== 'authorizer' ? 1 : 0)
  })

  test('logs and reports a malformed event, and answers it', async () => {
    const malformed = await call({})
    expect(malformed).toMatchObject(row.malformed?.answer ?? Object(answer('INTERNAL', 'ValiError')))
    expect(failureLines()).toMatchObject([
      { level: 'error', message: row.malformed?.message ?? message, code: 'INTERNAL', error: { name: 'ValiError' } },
    ])
    expect(world.telemetry.seen.map((error) => Object(error).name)).toEqual(reported(['ValiError']))
    expect(world.telemetry.refusals).toEqual(counted('INTERNAL'))
    expect(world.telemetry.flushes).toEqual(hasTelemetry(name) ? [1] : [])
  })

  test('logs and reports an unexpected error, and answers INTERNAL without its text', async () => {
    trouble('broken')
    const answered = await call()
    expect(answered).toMatchObject(Object(answer('INTERNAL', 'TypeError')))
    expect(JSON.stringify(answered)).not.toContain('secret internals')
    expect(failureLines()).toMatchObject([
      { level: 'error', message, code: 'INTERNAL', correlationId: expect.any(String), error: { name: 'TypeError' } },
    ])
    expect(world.telemetry.seen.map(String)).toEqual(reported(['TypeError: secret internals']))
    expect(world.telemetry.refusals).toEqual(counted('INTERNAL'))
    expect(world.telemetry.refusedAbout).toMatchObject(
      counted('INTERNAL').map(() => ({ correlationId: expect.any(String) })),
    )
    expect(world.telemetry.flushes).toEqual(hasTelemetry(name) ? [1] : [])
  })

  test('logs an outage, answers STORE_UNAVAILABLE, and reports nothing', async () => {
    trouble('away')
    expect(await call()).toMatchObject(Object(answer('STORE_UNAVAILABLE', 'StoreUnavailable')))
    expect(failureLines()).toMatchObject([
      { level: 'error', message, code: 'STORE_UNAVAILABLE', correlationId: expect.any(String) },
    ])
    expect(world.telemetry.seen).toEqual([])
    expect(world.telemetry.refusals).toEqual(counted('STORE_UNAVAILABLE'))
    expect(world.telemetry.flushes).toEqual(hasTelemetry(name) ? [0] : [])
  })
})

describe('a function whose time is up', () => {
  const end = functions.message.timeoutSeconds * 1000
  /** Context of a call that began now. The clock of the test stops while an answer is awaited. */
  const contextUntilEnd = (): Context => {
    const endsAt = Date.now() + end
    return { getRemainingTimeInMillis: () => endsAt - Date.now() }
  }

  beforeEach(() => {
    // A failure loads this module; under virtual time it must have been loaded before.
    expect(recordFailure).toBeTypeOf('function')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const waiting = rows.filter(([name]) => name !== 'health')

  test.each(waiting)(
    'answers before Lambda stops it: %s',
    async (_name, { event, call, message, isCounted, answer }) => {
      trouble('stuck')
      const answered = outcomeOf(call(event, world, contextUntilEnd()))
      await vi.advanceTimersByTimeAsync(end - reserved.run)
      expect(await answered).toMatchObject(Object(answer('STORE_UNAVAILABLE', 'TimeoutError')))
      expect(failureLines()).toMatchObject([
        { level: 'error', message, code: 'STORE_UNAVAILABLE', error: { name: 'TimeoutError' } },
      ])
      expect(world.telemetry.seen).toEqual([])
      expect(world.telemetry.refusals).toEqual(isCounted ? ['STORE_UNAVAILABLE'] : [])
      expect(world.telemetry.flushes).toEqual([0])
    },
  )

  test.each(waiting)('does not wait for a flush that hangs: %s', async (_name, { event, call, answer }) => {
    trouble('broken')
    const flush = Promise.withResolvers<void>()
    const finish = () => {
      flush.resolve()
      return new Promise<never>(() => {})
    }
    const answered = outcomeOf(call(event, { ...world, telemetry: { ...world.telemetry, finish } }, contextUntilEnd()))
    await flush.promise
    await vi.advanceTimersByTimeAsync(end - reserved.flush)
    expect(await answered).toMatchObject(Object(answer('INTERNAL', 'TypeError')))
  })

  test('throws if even the answer to its failure takes too long, so that Lambda counts it', async () => {
    const started = Promise.withResolvers<void>()
    world.queue.sendCommand = async () => {
      trouble('stuck')
      started.resolve()
      throw new StoreUnavailable('sqs', new Error('connect ETIMEDOUT'))
    }
    const posting = Promise.withResolvers<void>()
    const post = () => {
      posting.resolve()
      return new Promise<never>(() => {})
    }
    const request = messageEvent({ action: 'request-pairing-code', phoneNumber: phone })
    const deps = { ...world, connectionsApi: { ...world.clients, post } }
    const answered = outcomeOf(receive(request, contextUntilEnd(), deps))
    await started.promise
    await vi.advanceTimersByTimeAsync(end - reserved.run)
    await posting.promise
    await vi.advanceTimersByTimeAsync(reserved.run - reserved.failed)
    expect(await answered).toEqual({ thrown: 'TimeoutError' })
    expect(world.telemetry.flushes).toEqual([0])
  })
})
