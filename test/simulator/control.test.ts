import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ControlServer, serveControl } from '../../simulator/control/http.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { phoneReport } from './companion.ts'

let simulator: Simulator
let http: ControlServer

beforeAll(async () => {
  simulator = await startSimulator()
  http = await serveControl(simulator, 0)
})
afterAll(async () => {
  await http.close()
  await simulator.close()
})

const other = '79161234567'
const phonePath = '/simulator/phones/79001234567'

describe('bad input is refused, naming the field', () => {
  test.each([
    ['POST', `${phonePath}/enter-code`, {}, 'code'],
    ['POST', `${phonePath}/enter-code`, { code: 12345678 }, 'code'],
    ['POST', `${phonePath}/enter-code`, { code: 'ABC' }, 'code'],
    ['POST', `${phonePath}/enter-code`, 'ABCD1234', 'body'],
    ['POST', `${phonePath}/scan-qr`, { qr: 'nonsense' }, 'qr'],
    ['POST', `${phonePath}/scan-qr`, {}, 'qr'],
    ['POST', `${phonePath}/unlink`, { device: 'first' }, 'device'],
    ['POST', `${phonePath}/disrupt`, { how: 'gently' }, 'how'],
    ['POST', `${phonePath}/disrupt`, { how: 'cut', device: 7 }, 'device'],
    ['POST', `${phonePath}/send`, { from: other }, 'device'],
    ['POST', `${phonePath}/receipts`, { from: other, device: 7 }, 'device'],
    ['POST', `${phonePath}/server-sync`, { collection: 'irregular' }, 'collection'],
    ['POST', `${phonePath}/server-sync`, {}, 'device'],
    ['POST', `${phonePath}/address-book`, { contacts: 10_001 }, 'contacts'],
    ['POST', `${phonePath}/receipts`, {}, 'from'],
    ['POST', `${phonePath}/receipts`, { from: other, type: 'seen' }, 'type'],
    ['PUT', `${phonePath}/unanswered`, { xmlns: 'usync' }, 'xmlns'],
    ['PUT', `${phonePath}/behaviour`, {}, 'behaviour'],
    ['PUT', `${phonePath}/behaviour`, { behaviour: 'toString' }, 'behaviour'],
    ['PUT', `${phonePath}/behaviour`, { behaviour: 'slow-hello' }, 'ms'],
    ['PUT', `${phonePath}/behaviour`, { behaviour: 'slow-hello', ms: 'long' }, 'ms'],
    ['PUT', `${phonePath}/behaviour`, { behaviour: 'silent', loud: true }, 'loud'],
    ['PUT', `${phonePath}/behaviour`, { behaviour: 'silent', times: 0 }, 'times'],
    ['PUT', `${phonePath}/behaviour`, { behaviour: 'disrupt', how: 'cut', stage: 'later' }, 'stage'],
    ['PUT', '/simulator/phones/abc/behaviour', { behaviour: 'ok' }, 'phone'],
    ['GET', '/simulator/phones/12', undefined, 'phone'],
    ['PUT', '/simulator/service', { behaviour: 'asleep' }, 'behaviour'],
    ['PUT', '/simulator/service', { behaviour: 'ok', client: 7 }, 'client'],
    ['PUT', '/simulator/service', { behaviour: 'ok', client: '' }, 'client'],
    ['PUT', '/simulator/service', { behaviour: 'refuse-upgrade', status: 200 }, 'status'],
  ])('%s %s %o: %s', async (method, path, body, field) => {
    expect(await simulator.control(method, path, body)).toMatchObject({
      status: 400,
      body: { field, message: expect.any(String) },
    })
  })

  test('an unknown behaviour is answered with the known ones', async () => {
    const { body } = await simulator.control('PUT', `${phonePath}/behaviour`, { behaviour: 'odd' })
    expect(body).toMatchObject({ message: expect.stringMatching(/ok, known-as, not-registered, .*cut-after-open/) })
  })
})

test.each([
  ['GET', '/'],
  ['GET', '/simulator'],
  ['GET', '/simulator/phones'],
  ['DELETE', phonePath],
  ['GET', `${phonePath}/enter-code`],
  ['POST', `${phonePath}/enter-code/now`],
  ['POST', '/simulator/state'],
])('%s %s is not a route', async (method, path) => {
  expect((await simulator.control(method, path, {})).status).toBe(404)
})

test('a number may be written with a plus', async () => {
  for (const written of ['79161234567', '+79161234567', '%2B79161234567']) {
    expect(await phoneReport(simulator, written)).toMatchObject({ phone: '79161234567', behaviour: 'ok', devices: [] })
  }
})

test('every behaviour has its line', async () => {
  const { body } = await simulator.control('GET', '/simulator/behaviours')
  for (const table of Object.values(body as Record<string, Record<string, string>>)) {
    for (const line of Object.values(table)) expect(line).toMatch(/\w{2}/)
  }
})

test('the routes answer over HTTP too', async () => {
  const put = (body: string) => fetch(`${http.url}${phonePath}/behaviour`, { method: 'PUT', body })
  const reply = await put('{"behaviour":"banned","reason":403}')
  expect(reply.headers.get('content-type')).toBe('application/json')
  expect(await reply.json()).toMatchObject({ behaviour: 'banned', params: { reason: 403 } })
  const broken = await put('{')
  expect([broken.status, await broken.json()]).toEqual([400, { field: 'body', message: 'the body must be JSON' }])
  expect((await fetch(`${http.url}/simulator/nothing`)).status).toBe(404)
})
