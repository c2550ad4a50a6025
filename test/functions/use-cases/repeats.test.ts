/** One company repeats itself: messages, commands, pushes and bytes of its state must not multiply (R67). */
import { beforeEach, describe, expect, test } from 'vitest'
import { maxWaiting } from '#shared/domain/company/attempt.ts'
import { makeApi, routes } from '../http/support.ts'
import {
  company,
  type Frame,
  lambdaContext,
  link,
  makeWorld,
  messageEvent,
  phone,
  receive,
  showCode,
  start,
  type World,
  watch,
} from '../support.ts'

let world: World
let ask: ReturnType<typeof makeApi>

beforeEach(async () => {
  world = makeWorld()
  ask = makeApi(world)
  await world.join('A')
  await world.join('B')
})

async function send(message: object): Promise<Frame | undefined> {
  const { body } = await receive(messageEvent(message, { connectionId: 'A' }), lambdaContext, world)
  return body === undefined ? undefined : (JSON.parse(body) as Frame)
}

const requestCode = (requestId: string, phoneNumber = phone) =>
  send({ action: 'request-pairing-code', phoneNumber, requestId })
const requestReset = (requestId: string) => send({ action: 'reset-whatsapp-credentials', requestId })
const overHttp = () => ask(routes.pair, { token: company, body: { phoneNumber: phone } })
const resetOverHttp = () => ask(routes.remove, { token: company })

/** Messages, commands and writes so far. */
const made = () => ({
  wakes: world.queue.wakes.length,
  commands: world.queue.commands.length,
  writes: world.store.writes.length,
})

async function linkPhone() {
  await requestCode('first')
  await link(world)
}

test('a request asks the store as often as it must: to see what it needs, and to decide', async () => {
  const calls: string[] = []
  const { decide, read } = world.store
  world.store.decide = (...args) => {
    calls.push('decide')
    return decide(...args)
  }
  world.store.read = (...args) => {
    calls.push('read')
    return read(...args)
  }
  await overHttp()
  expect(calls).toEqual(['decide', 'decide'])
  expect(made()).toEqual({ wakes: 1, commands: 1, writes: 1 })
  await overHttp()
  expect(calls).toHaveLength(3)
})

describe('a thousand requests', () => {
  test('for the same phone wake the watchdog once, and send one command', async () => {
    for (let n = 0; n < 1000; n++) await requestCode(`r${n}`)
    expect(made()).toEqual({ wakes: 1, commands: 1, writes: maxWaiting })
    expect(world.state().attempt?.waiting).toHaveLength(maxWaiting)
  })

  test('over HTTP for the same phone write, wake and send nothing after the first', async () => {
    for (let n = 0; n < 1000; n++) await overHttp()
    expect(made()).toEqual({ wakes: 1, commands: 1, writes: 1 })
  })

  test('under one id are one request', async () => {
    for (let n = 0; n < 1000; n++) await requestCode('same')
    expect(made()).toEqual({ wakes: 1, commands: 1, writes: 1 })
  })

  test('send the command again once no host has accepted for two seconds: the first one may be lost', async () => {
    await requestCode('same')
    world.now.value += 2_000
    await requestCode('same')
    await overHttp()
    expect(made()).toMatchObject({ wakes: 1, commands: 3, writes: 1 })
    expect(world.queue.arrived()).toHaveLength(1)
  })

  test('that are refused wake nobody', async () => {
    world = makeWorld({ codesPerPhone: 1, codesPerCompany: 1 })
    await requestCode('first')
    await showCode(world)
    await send({ action: 'cancel-pairing' })
    const before = made()
    for (let n = 0; n < 1000; n++) expect(await requestCode(`r${n}`)).toMatchObject({ code: 'RATE_LIMITED' })
    expect(made()).toEqual(before)
  })

  test('for two phones in turns share one chain of messages', async () => {
    for (let n = 0; n < 1000; n++) await requestCode(`r${n}`, n % 2 === 0 ? phone : '+7 916 123-45-67')
    expect(made().wakes).toBe(1)
    world.now.value += 20_000
    await wake()
    expect(world.state().lastAttempt).toMatchObject({ failure: { code: 'HOST_UNAVAILABLE' } })
  })
})

/** Delivers a message to the watchdog. */
const deliver = (message: unknown) => watch({ Records: [{ messageId: 'm1', body: JSON.stringify(message) }] }, world)

/** Delivers the first message that was sent to the watchdog. */
const wake = () => deliver(world.queue.wakes[0])

describe('a cancel without an attempt', () => {
  test('is answered, and neither writes, nor sends a command, nor is told to others', async () => {
    await linkPhone()
    const before = made()
    const told = world.clients.framesOf('B').length
    for (let n = 0; n < 100; n++)
      expect(await send({ action: 'cancel-pairing', requestId: `c${n}` })).toMatchObject({
        event: 'pairing-cancelled',
        requestId: `c${n}`,
      })
    expect(made()).toEqual(before)
    expect(world.clients.framesOf('B')).toHaveLength(told)
  })
})

describe('resets', () => {
  test('of nothing are answered once each, and change nothing', async () => {
    for (let n = 0; n < 100; n++) {
      expect(await requestReset(`r${n}`)).toMatchObject({ event: 'credentials-reset', requestId: `r${n}` })
      expect(await resetOverHttp()).toMatchObject({ status: 200, body: { unlinked: 'not-linked' } })
    }
    expect(made()).toEqual({ wakes: 0, commands: 0, writes: 0 })
    expect(world.clients.framesOf('A')).toEqual([])
    expect(world.clients.framesOf('B')).toEqual([])
  })

  test('of one link wake the watchdog for its answer and its end, send one command, and fifty of them wait', async () => {
    await linkPhone()
    const before = made()
    const answers = []
    for (let n = 0; n < 700; n++) answers.push(await requestReset(`r${n}`))
    expect(made()).toEqual({
      wakes: before.wakes + 2,
      commands: before.commands + 1,
      writes: before.writes + maxWaiting,
    })
    expect(world.state().cleanup[0]?.waiting).toHaveLength(maxWaiting)
    expect(answers.slice(0, maxWaiting)).toEqual(new Array(maxWaiting).fill(undefined))
    for (const [n, refused] of answers.slice(maxWaiting).entries())
      expect(refused).toMatchObject({
        event: 'credentials-reset-error',
        code: 'BUSY',
        retryAfter: 5,
        requestId: `r${maxWaiting + n}`,
      })
    await answerResets()
    const events = world.clients.framesOf('A').filter(({ event }) => event === 'credentials-reset')
    expect(events.map(({ requestId }) => requestId)).toEqual(Array.from({ length: maxWaiting }, (_, n) => `r${n}`))
  })

  test('under one id wait once, and get one answer', async () => {
    await linkPhone()
    for (let n = 0; n < 10; n++) expect(await requestReset('same')).toBeUndefined()
    expect(world.state().cleanup[0]?.waiting).toHaveLength(1)
    await answerResets()
    expect(world.clients.framesOf('A').filter(({ event }) => event === 'credentials-reset')).toHaveLength(1)
  })

  test('succeed while the queue is slow, and are answered in time', async () => {
    await linkPhone()
    const { wakeAt } = world.queue
    world.queue.wakeAt = async (wake) => {
      await wakeAt(wake)
      world.now.value += 1_000
    }
    expect(await requestReset('slow')).toBeUndefined()
    expect(world.state().credentials).toBeUndefined()
    for (const { due } of [...world.queue.wakes]) {
      world.now.value = Math.max(world.now.value, due)
      await deliver(world.queue.wakes.find((wake) => wake.due === due))
    }
    expect(world.clients.framesOf('A').at(-1)).toMatchObject({ event: 'credentials-reset', requestId: 'slow' })
  })

  test('over HTTP do not wait, so that none is refused', async () => {
    await linkPhone()
    for (let n = 0; n < maxWaiting; n++) await requestReset(`r${n}`)
    const before = made()
    expect(await resetOverHttp()).toMatchObject({ status: 200, body: { unlinked: 'pending' } })
    expect(made()).toEqual(before)
  })

  /** The watchdog answers the resets, because no host does. */
  async function answerResets() {
    world.now.value = start + 4_000
    await deliver(world.queue.wakes.find(({ due, generation }) => generation && due === start + 4_000))
  }
})

describe('a request that loses every race', () => {
  test.each([
    ['request-pairing-code', { phoneNumber: phone }, 'pairing-code-error'],
    ['cancel-pairing', {}, 'error'],
    ['reset-whatsapp-credentials', {}, 'credentials-reset-error'],
  ])('by %s is answered BUSY, and rings no alarm', async (action, fields, event) => {
    if (action !== 'request-pairing-code') {
      await requestCode('first')
      await showCode(world)
    }
    world.store.loseRaces()
    expect(await send({ action, ...fields, requestId: 'r' })).toMatchObject({
      event,
      code: 'BUSY',
      retryAfter: 2,
      requestId: 'r',
    })
    expect(world.telemetry.refusals).toEqual(['BUSY'])
    expect(world.telemetry.seen).toEqual([])
  })

  test('over HTTP is answered with 503 and the time to wait', async () => {
    world.store.loseRaces()
    const answer = await overHttp()
    expect(answer).toMatchObject({ status: 503, body: { code: 'BUSY', retryAfter: 2 } })
  })

  test('gives its code back', async () => {
    world = makeWorld({ codesPerPhone: 1, codesPerCompany: 1 })
    world.store.loseRaces()
    for (let n = 0; n < 3; n++) expect(await requestCode('r')).toMatchObject({ code: 'BUSY' })
  })

  test('at the watchdog comes again', async () => {
    await requestCode('first')
    world.now.value += 20_000
    world.store.loseRaces()
    expect(await wake()).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] })
    expect(world.telemetry.refusals).toEqual(['BUSY'])
  })
})
