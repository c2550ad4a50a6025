import { expect, test } from 'vitest'
import { endpoint } from '../../../functions/http/endpoint.ts'
import { fleetRoutes } from '../../../functions/http/fleet.ts'
import { memoryFuse } from '../../fakes/memory-fuse.ts'
import { company, httpEvent, lambdaContext, makeWorld, start } from '../support.ts'

function fuseRoutes() {
  const world = makeWorld()
  const fuse = memoryFuse(world.clock)
  const ask = async (method: 'GET' | 'DELETE', token = 'admin') => {
    const handler = endpoint(fleetRoutes, () => ({ ...world, fuse }))
    const response = await handler(httpEvent(`${method} /api/whatsapp/fuse`, { token }), lambdaContext as never)
    return { status: response.statusCode, body: JSON.parse(response.body) }
  }
  return { ...world, fuse, ask }
}

test('the fuse is closed at first', async () => {
  expect(await fuseRoutes().ask('GET')).toEqual({ status: 200, body: { open: false, reasons: [] } })
})

test('an open fuse is shown with its reason and its time, and an administrator closes it', async () => {
  const { fuse, ask } = fuseRoutes()
  for (const each of ['1', '2', '3', '4']) await fuse.takePlace(each, 'refused')
  const open = { open: true, reasons: [{ reason: 'refused', openSince: new Date(start).toISOString() }] }
  expect(await ask('GET')).toEqual({ status: 200, body: open })
  expect(await ask('DELETE')).toEqual({ status: 200, body: { open: false, reasons: [] } })
  expect(await fuse.takePlace('5', 'refused')).toBe(true)
})

test.each(['GET', 'DELETE'] as const)('%s is for admins', async (method) => {
  const { ask } = fuseRoutes()
  expect((await ask(method, company)).status).toBe(403)
  expect((await ask(method, 'bad')).status).toBe(401)
})
