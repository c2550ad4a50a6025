import { beforeEach, describe, expect, test } from 'vitest'
import type { Counts } from '#shared/domain/metrics/metrics.ts'
import { createMeter } from '#shared/telemetry/metrics.ts'
import { observedCompanyStore } from '#shared/telemetry/observed-store.ts'
import { createTelemetry } from '../../../functions/telemetry/telemetry.ts'
import { makeApi, routes } from '../http/support.ts'
import { company, lambdaContext, makeWorld, messageEvent, phone, receive, type World, watch } from '../support.ts'

let world: World
beforeEach(async () => {
  world = makeWorld()
  await world.join('A')
})

const send = (body: unknown, on: Parameters<typeof receive>[2] = world) =>
  receive(messageEvent(body), lambdaContext, on)
const pairing = { action: 'request-pairing-code', phoneNumber: phone }

describe('a refusal is counted once', () => {
  test.each<[string, unknown, string[]]>([
    ['bad input', '{', ['BAD_REQUEST']],
    ['a phone that is none', { ...pairing, phoneNumber: '1' }, ['INVALID_PHONE_FORMAT']],
    ['a ping is none', { action: 'ping' }, []],
    ['a request that is accepted is none', pairing, []],
  ])('over the WebSocket: %s', async (_name, body, codes) => {
    await send(body)
    expect(world.telemetry.refusals).toEqual(codes)
    expect(world.telemetry.seen).toEqual([])
  })

  test('when the store is down', async () => {
    world.away.add('store')
    await send(pairing)
    expect(world.telemetry.refusals).toEqual(['STORE_UNAVAILABLE'])
    expect(world.telemetry.seen).toEqual([])
  })

  test('as the end of its attempt, when there was one', async () => {
    world.queue.refusesCommands = true
    await send(pairing)
    await makeApi(world)(routes.pair, { token: company, body: { phoneNumber: phone } })
    expect(world.state().lastAttempt?.failure?.code).toBe('HOST_UNAVAILABLE')
    expect(world.telemetry.refusals).toEqual([])
  })

  test('over HTTP', async () => {
    const api = makeApi(world)
    await api(routes.pair, { token: company, body: { phoneNumber: '1' } })
    await api(routes.detail, { token: 'bad' })
    expect(world.telemetry.refusals).toEqual(['INVALID_PHONE_FORMAT', 'UNAUTHORIZED'])
  })
})

describe('an unexpected error is reported', () => {
  beforeEach(() => {
    world.broken.add('store')
  })
  const reported = () => world.telemetry.seen.map(String)

  test('by the WebSocket', async () => {
    await send(pairing)
    expect(reported()).toEqual(['TypeError: secret internals'])
  })

  test('by HTTP', async () => {
    expect(await makeApi(world)(routes.detail, { token: company })).toMatchObject({ status: 500 })
    expect(reported()).toEqual(['TypeError: secret internals'])
  })

  test('by the watchdog', async () => {
    const body = JSON.stringify({ companyId: company, correlationId: 'c1', due: world.now.value })
    await watch({ Records: [{ messageId: 'm1', body }] }, world)
    expect(reported()).toEqual(['TypeError: secret internals'])
  })
})

describe('counters of a function', () => {
  const lines: string[] = []
  function counting(add: (counts: Counts) => Promise<void>) {
    const { log, clock } = world
    const meter = createMeter({ namespace: 'n', clock, log, store: { add }, write: (line) => lines.push(line) })
    const telemetry = createTelemetry({ meter, log, loadReporter: undefined })
    return { ...world, telemetry, store: observedCompanyStore(world.store, telemetry.observe) }
  }

  test('are written once, at the end of their call, and not by a call that changes nothing', async () => {
    const added: Counts[] = []
    const counted = counting(async (counts) => void added.push(counts))
    await send({ action: 'get-status' }, counted)
    expect(added).toEqual([])
    await send(pairing, counted)
    expect(added).toEqual([{ requested: 1 }])
    await send(pairing, counted)
    expect(added).toHaveLength(1)
    expect(lines.some((line) => line.includes('"correlationId":"apigw-request-1"'))).toBe(true)
  })

  test('do not delay an answer when their table is slow', async () => {
    const counted = counting(() => new Promise(() => {}))
    const { body } = await send(pairing, counted)
    expect(body).toContain('pairing-started')
  })
})
