/** Fuzz targets for input from clients and callers of the HTTP API. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { errorCodes } from '#shared/domain/values/errors.ts'
import { clientActions } from '#shared/protocol/client-messages.ts'
import { credentialsRoutes } from '../../functions/http/credentials.ts'
import { endpoint } from '../../functions/http/endpoint.ts'
import { metricsRoutes } from '../../functions/http/metrics.ts'
import { pairingRoutes } from '../../functions/http/pairing.ts'
import { sessionsRoutes } from '../../functions/http/sessions.ts'
import { httpRoutes } from '../../functions/routes.ts'
import {
  company,
  httpEvent,
  lambdaContext,
  link,
  makeWorld,
  messageEvent,
  phone,
  receive,
  showCode,
} from '../functions/support.ts'
import { anyJson, type FuzzTarget, mutated, target, text } from './target.ts'

const phones = fc.constantFrom(
  phone,
  '+7 916 123-45-67',
  '89001234567',
  '+1-800-123-4567 ext. 890',
  '1111111111',
  '+999 123',
)
const message = fc.record(
  {
    action: fc.constantFrom(...clientActions),
    phoneNumber: fc.oneof(phones, text),
    requestId: fc.oneof(fc.constant('r1'), text),
  },
  { requiredKeys: ['action'] },
)
const frame = fc.oneof(
  message.map((value) => JSON.stringify(value)),
  mutated(message).map((value) => JSON.stringify(value)),
  anyJson.map((value) => JSON.stringify(value)),
  text,
)
/** State of the company when the input arrives. */
const stage = fc.constantFrom('fresh', 'code shown', 'linked')

async function worldAt(where: string) {
  const world = makeWorld()
  await world.join('A')
  if (where === 'fresh') return world
  await receive(messageEvent({ action: 'request-pairing-code', phoneNumber: phone }), lambdaContext, world)
  await (where === 'linked' ? link(world) : showCode(world))
  return world
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function checkFrame(value: unknown): void {
  assert(isObject(value) && typeof value['event'] === 'string' && value['companyId'] === company)
  assert.notEqual(value['code'], 'INTERNAL')
  assert.notEqual(value['code'], 'STORE_UNAVAILABLE')
}

const webSocketFrames = target(
  'WebSocket frames',
  fc.tuple(stage, fc.array(frame, { maxLength: 8 })),
  async ([where, frames]) => {
    const world = await worldAt(where)
    for (const body of frames) {
      const response = await receive(messageEvent(body), lambdaContext, world)
      assert.equal(response.statusCode, 200)
      if (response.body !== undefined) checkFrame(JSON.parse(response.body))
    }
    for (const { frame: sent } of world.clients.sent) checkFrame(sent)
    assert.deepEqual(world.telemetry.seen, [])
    assert.deepEqual(world.clients.closed, [])
  },
)

const webSocketEvents = target(
  'WebSocket events',
  mutated(fc.constant(messageEvent({ action: 'ping' }))),
  async (event) => {
    const world = await worldAt('fresh')
    const { statusCode } = await receive(event, lambdaContext, world)
    assert([200, 400].includes(statusCode))
    // API Gateway sends no malformed event: one that comes all the same is a defect, and is reported.
    assert.equal(world.telemetry.seen.length, statusCode === 400 ? 1 : 0)
  },
)

const header = fc.constantFrom('idempotency-key', 'accept-language', 'content-type', 'user-agent', 'x')
const httpRequest = fc.record({
  route: fc.oneof(fc.constantFrom(...Object.keys(httpRoutes)), text),
  token: fc.option(fc.oneof(fc.constantFrom('admin', company, 'bad'), text), { nil: undefined }),
  companyId: fc.oneof(fc.constant(company), text),
  body: fc.option(fc.oneof(mutated(fc.constant({ phoneNumber: phone })), frame), { nil: undefined }),
  query: fc.dictionary(fc.oneof(fc.constantFrom('limit', 'cursor', 'state'), text), text, { maxKeys: 4 }),
  headers: fc.dictionary(header, text, { maxKeys: 3 }),
  isBase64Encoded: fc.boolean(),
})

const ours: readonly unknown[] = errorCodes
const httpRequests = target('HTTP requests', fc.tuple(stage, httpRequest), async ([where, request]) => {
  const { route, token, isBase64Encoded, ...rest } = request
  const world = await worldAt(where)
  const metrics = { add: async () => {}, sum: async () => ({}), hosts: async () => [] }
  const routes = { ...sessionsRoutes, ...pairingRoutes, ...credentialsRoutes, ...metricsRoutes }
  const handler = endpoint(routes, () => ({ ...world, metrics }))
  const event = { ...httpEvent(route, { ...rest, ...(token !== undefined && { token }) }), isBase64Encoded }
  const { statusCode, body } = await handler(event, Object(lambdaContext))
  const answer: unknown = JSON.parse(body)
  assert(statusCode >= 200 && statusCode < 500, `${statusCode} ${body}`)
  assert(isObject(answer))
  if (statusCode >= 400) assert(ours.includes(answer['code']))
  assert.deepEqual(world.telemetry.seen, [])
})

export const clientTargets: readonly FuzzTarget[] = [webSocketFrames, webSocketEvents, httpRequests]
