import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { reserved } from '../../functions/stack.ts'
import { reset } from '../../functions/use-cases/reset.ts'
import { startPairing } from '../../functions/use-cases/start-pairing.ts'
import { company, link, makeWorld, phone, showCode, start, type World, watch } from './support.ts'

let world: World

beforeEach(async () => {
  world = makeWorld()
  await world.join('A')
})
afterEach(() => {
  vi.useRealTimers()
})

const request = () =>
  startPairing(
    {
      companyId: company,
      method: 'code',
      typedPhone: phone,
      waiting: { connectionId: 'A', requestId: 'r1' },
      correlationId: 'c1',
      language: 'en',
      onDecided: () => {},
      notify: async () => {},
    },
    world,
  )

/** Delivers messages to the watchdog as SQS does. */
const deliver = (...bodies: unknown[]) =>
  watch(
    {
      Records: bodies.map((body, n) => ({
        messageId: `m${n}`,
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })),
    },
    world,
  )
const wakeUp = () => deliver({ companyId: company, correlationId: 'c1', due: world.now.value })

test('ends an attempt that no host has accepted, and notifies its client and the host', async () => {
  await request()
  const { attemptId, fence } = world.state().attempt!
  world.now.value += 20_000
  expect(await deliver(world.queue.wakes[0])).toEqual({ batchItemFailures: [] })
  expect(world.state()).toMatchObject({ lastAttempt: { attemptId, failure: { code: 'HOST_UNAVAILABLE' } } })
  expect(world.state().attempt).toBeUndefined()
  expect(world.clients.framesOf('A')).toMatchObject([
    { event: 'pairing-code-error', code: 'HOST_UNAVAILABLE', requestId: 'r1', retryable: true },
  ])
  // A new fence: with that of the command that started the attempt, SQS would drop it as a repeat.
  expect(world.queue.commands.at(-1)).toMatchObject({ companyId: company, correlationId: 'c1', fence: fence + 1 })
  expect(world.queue.wakes).toHaveLength(1)
})

test('lets a code expire, and wakes again when its socket is gone', async () => {
  await request()
  await showCode(world)
  world.now.value += 50_000
  await wakeUp()
  expect(world.state().attempt?.state).toBe('expired')
  expect(world.clients.framesOf('A').at(-1)).toMatchObject({ event: 'pairing-code-error', code: 'CODE_EXPIRED' })
  expect(world.queue.wakes.at(-1)?.due).toBe(start + 160_000)
  expect(world.queue.commands).toHaveLength(1)
})

test('woken before anything is due, does nothing but wake again', async () => {
  await request()
  await showCode(world)
  await wakeUp()
  expect(world.state().attempt?.state).toBe('code-issued')
  expect(world.queue.wakes.at(-1)).toEqual({ companyId: company, correlationId: 'c1', due: start + 50_000 })
})

test('woken too early by the clock, waits for the rest', async () => {
  await request()
  const message = { companyId: company, correlationId: 'c1', due: start + 400 }
  expect(await deliver(message)).toEqual({ batchItemFailures: [] })
  expect(world.queue.wakes.at(-1)).toEqual(message)
})

test('answers a reset whose device is not removed, and erases its key after a minute', async () => {
  await request()
  await link(world)
  const waiting = [{ connectionId: 'A', requestId: 'r2' }]
  await reset({ companyId: company, correlationId: 'c1', waiting, onDecided: () => {} }, world)
  world.now.value += 4_000
  await wakeUp()
  expect(world.clients.framesOf('A').at(-1)).toMatchObject({
    event: 'credentials-reset',
    unlinked: 'unconfirmed',
    requestId: 'r2',
  })
  expect(world.state().cleanup[0]?.wrappedKey).toBeDefined()
  world.now.value = world.queue.wakes.at(-1)!.due
  await wakeUp()
  expect(world.now.value).toBe(start + 60_000)
  expect(world.state().cleanup[0]?.wrappedKey).toBeUndefined()
})

describe('a batch', () => {
  test('with bad messages fails for those alone', async () => {
    const good = { companyId: company, correlationId: 'c1', due: start }
    expect(await deliver('{', good, { ...good, companyId: '../x' }, {})).toEqual({
      batchItemFailures: [{ itemIdentifier: 'm0' }, { itemIdentifier: 'm2' }, { itemIdentifier: 'm3' }],
    })
  })

  test('with a bad message logs and reports that one, and flushes once', async () => {
    const good = { companyId: company, correlationId: 'c1', due: start }
    await deliver(good, '{', good)
    expect(world.lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'error', code: 'INTERNAL', messageId: 'm1', error: { name: 'ValiError' } },
    ])
    expect(world.telemetry.seen).toHaveLength(1)
    expect(world.telemetry.flushes).toHaveLength(1)
  })

  test('with a message that takes too long fails for that one alone', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const messages = ['other', company].map((companyId) => ({ companyId, correlationId: companyId, due: start }))
    const { decide } = world.store
    world.store.decide = (companyId, transition) =>
      companyId === 'other' ? new Promise(() => {}) : decide(companyId, transition)
    const answer = deliver(...messages)
    await vi.advanceTimersByTimeAsync(10_000 - reserved.run)
    expect(await answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] })
    expect(world.lines.map((line) => JSON.parse(line))).toMatchObject([
      { code: 'STORE_UNAVAILABLE', companyId: 'other', correlationId: 'other', messageId: 'm0' },
    ])
  })

  test('comes again when the store is down', async () => {
    world.away.add('store')
    expect(await wakeUp()).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] })
  })

  test('comes again when the next wake-up cannot be sent; the clients have been notified', async () => {
    await request()
    await showCode(world)
    world.now.value += 50_000
    world.away.add('queue')
    expect(await wakeUp()).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] })
    expect(world.clients.framesOf('A').at(-1)).toMatchObject({ code: 'CODE_EXPIRED' })
  })
})
