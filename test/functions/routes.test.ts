import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { credentialsRoutes } from '../../functions/http/credentials.ts'
import { fleetRoutes } from '../../functions/http/fleet.ts'
import { healthRoutes } from '../../functions/http/health.ts'
import { metricsRoutes } from '../../functions/http/metrics.ts'
import { pairingRoutes } from '../../functions/http/pairing.ts'
import { sessionsRoutes } from '../../functions/http/sessions.ts'
import { functions, httpRoutes } from '../../functions/routes.ts'

// Lambda's Node 24 refuses handlers with a callback. Importing a function must do nothing, not even read the
// environment.
test.each(Object.values(functions).map(({ entry }) => entry))(
  '%s exports a handler of at most two arguments',
  async (entry) => {
    const module = await import(pathToFileURL(join(import.meta.dirname, '../..', entry)).href)
    expect(module.handler).toBeTypeOf('function')
    expect(module.handler.length).toBeLessThanOrEqual(2)
  },
)

test('the function of every HTTP route serves that route', () => {
  const served = {
    ...Object.fromEntries(Object.keys(healthRoutes).map((route) => [route, 'health'])),
    ...Object.fromEntries(Object.keys(sessionsRoutes).map((route) => [route, 'sessions'])),
    ...Object.fromEntries(Object.keys(pairingRoutes).map((route) => [route, 'pairing'])),
    ...Object.fromEntries(Object.keys(credentialsRoutes).map((route) => [route, 'credentials'])),
    ...Object.fromEntries(Object.keys(metricsRoutes).map((route) => [route, 'metrics'])),
    ...Object.fromEntries(Object.keys(fleetRoutes).map((route) => [route, 'fleet'])),
  }
  expect(served).toEqual(httpRoutes)
})
