/** HTTP routes about the whole fleet, for admins: the fuse (R46). */
import { once } from '#shared/async/once.ts'
import { ok } from '#shared/domain/values/result.ts'
import type { Fuse } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { VerifyToken } from '../access/tokens.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { fuse, log, telemetry, verify } from '../wiring/deps.ts'
import { endpoint } from './endpoint.ts'
import { adminRoute, noInput, type Route } from './request.ts'
import { json } from './responses.ts'

export type FleetDeps = {
  readonly log: Log
  readonly verify: VerifyToken
  readonly telemetry: Telemetry
  readonly fuse: Pick<Fuse, 'openSince' | 'close'>
}

const getFuse = adminRoute(noInput, async (_request, { fuse: own }: FleetDeps) => ok(json(200, await fuseBody(own))))

const closeFuse = adminRoute(noInput, async (_request, { fuse: own, log: lines }: FleetDeps) => {
  await own.close()
  lines.warn('The fuse was closed by an administrator')
  return ok(json(200, await fuseBody(own)))
})

/** `openSince` is null while the fuse is closed: links may end, as many as its windows have places. */
async function fuseBody(own: FleetDeps['fuse']) {
  const openSince = await own.openSince()
  return { open: openSince !== undefined, openSince: openSince === undefined ? null : new Date(openSince).toISOString() }
}

export const fleetRoutes: Readonly<Record<string, Route<FleetDeps>>> = {
  'GET /api/whatsapp/fuse': getFuse,
  'DELETE /api/whatsapp/fuse': closeFuse,
}

const deps = once((): FleetDeps => ({ log: log(), verify: verify(), telemetry: telemetry(), fuse: fuse() }))

export const handler = endpoint(fleetRoutes, deps)
