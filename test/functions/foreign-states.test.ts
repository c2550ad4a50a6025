/** Companies whose state is one of a newer build: functions show them, and leave them alone (R49a). */
import { beforeEach, describe, expect, test } from 'vitest'
import { parseState } from '#shared/dynamo/company/company-schema.ts'
import { foreignStates } from '../released/foreign-states.ts'
import { makeApi, routes } from './http/support.ts'
import {
  company,
  type Frame,
  lambdaContext,
  makeWorld,
  messageEvent,
  phone,
  receive,
  type World,
  watch,
} from './support.ts'

let world: World

beforeEach(async () => {
  world = makeWorld()
  await world.join('A')
})

async function send(message: object): Promise<Frame> {
  const { body } = await receive(messageEvent(message, { connectionId: 'A' }), lambdaContext, world)
  return JSON.parse(body ?? 'null') as Frame
}

describe.each(foreignStates)('a company with %s', (_name, doc) => {
  beforeEach(() => {
    world.store.put(company, parseState(doc))
  })
  const isLeftAlone = () => {
    expect(world.store.writes).toEqual([])
    expect(world.queue.commands).toEqual([])
    expect(world.telemetry.seen).toEqual([])
  }

  test.each([
    ['request-pairing-code', { phoneNumber: phone }],
    ['request-qr', {}],
    ['cancel-pairing', {}],
    ['reset-whatsapp-credentials', {}],
  ])('%s is answered with HOST_UNAVAILABLE', async (action, fields) => {
    const answer = await send({ action, requestId: 'r1', ...fields })
    expect(answer).toMatchObject({ code: 'HOST_UNAVAILABLE', requestId: 'r1', retryable: true })
    isLeftAlone()
  })

  test('get-status and the HTTP API show it', async () => {
    expect(await send({ action: 'get-status', requestId: 'r1' })).toMatchObject({ event: 'status', requestId: 'r1' })
    const ask = makeApi(world)
    for (const route of [routes.list, routes.detail, routes.attempt, routes.status])
      expect((await ask(route, { token: 'admin' })).status).toBe(200)
    isLeftAlone()
  })

  test.each([routes.pair, routes.remove])('%s is answered with 503', async (route) => {
    const answer = await makeApi(world)(route, {
      token: 'admin',
      ...(route === routes.pair && { body: { phoneNumber: phone } }),
    })
    expect(answer).toMatchObject({ status: 503, body: { code: 'HOST_UNAVAILABLE' } })
    isLeftAlone()
  })

  test('the watchdog looks at it again in a minute, by the same message', async () => {
    const message = { companyId: company, correlationId: 'c1', due: world.now.value, newer: 'field' }
    const record = { messageId: 'm', body: JSON.stringify(message) }
    expect(await watch({ Records: [record] }, world)).toEqual({ batchItemFailures: [] })
    expect(world.queue.wakes).toEqual([{ ...message, due: world.now.value + 60_000 }])
    isLeftAlone()
  })
})
