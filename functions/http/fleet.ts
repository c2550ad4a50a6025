/** HTTP routes about the whole fleet, for admins: the fuse (R46). */
import { once } from '#shared/async/once.ts'
import { isOpen } from '#shared/domain/fleet/fuse.ts'
import { ok } from '#shared/domain/values/result.ts'
import type { Fuse } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { RateLimit } from '../access/rate-limit.ts'
import type { VerifyToken } from '../access/tokens.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { fuse, httpRateLimit, log, telemetry, verify } from '../wiring/deps.ts'
import { endpoint } from './endpoint.ts'
import { adminRoute, noInput, type Route } from './request.ts'
import { json } from './responses.ts'

export type FleetDeps = {
  readonly log: Log
  readonly verify: VerifyToken
  readonly rateLimit: RateLimit
  readonly telemetry: Telemetry
  readonly fuse: Omit<Fuse, 'takePlace'>
}

const getFuse = adminRoute(noInput, async (_request, { fuse: own }: FleetDeps) => ok(json(200, await fuseBody(own))))

const closeFuse = adminRoute(noInput, async ({ audit }, { fuse: own }: FleetDeps) => {
  await own.reset()
  audit.note('done')
  return ok(json(200, await fuseBody(own)))
})

/** `reasons` has one entry per open fuse. While there is none, links may end, as many as its windows have places. */
async function fuseBody(own: FleetDeps['fuse']) {
  const reasons = Object.entries(await own.openings())
    .filter(([, opening]) => isOpen(opening))
    .map(([reason, { since }]) => ({ reason, openSince: new Date(since).toISOString() }))
  return { open: reasons.length > 0, reasons }
}

export const fleetRoutes: Readonly<Record<string, Route<FleetDeps>>> = {
  'GET /api/whatsapp/fuse': getFuse,
  'DELETE /api/whatsapp/fuse': closeFuse,
}

const deps = once(
  (): FleetDeps => ({
    log: log(),
    verify: verify(),
    rateLimit: httpRateLimit(),
    telemetry: telemetry(),
    fuse: fuse(),
  }),
)

export const handler = endpoint(fleetRoutes, deps)
