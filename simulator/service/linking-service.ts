import type { LinkingService } from '../phone/linking-service.ts'
import { link } from './linking.ts'
import { recordViolation } from './violations.ts'
import type { World } from './world.ts'

/** The part of the service that phones use to link companions. */
export function linkingService(world: World): LinkingService {
  const { registrations, deviceLimit, timings } = world
  return {
    registrations,
    deviceLimit,
    timings,
    link: (registration, acceptance) => link(world, registration, acceptance),
    recordMisuse: (connection, kind, detail, phone) => recordViolation(world, connection, kind, detail, phone),
  }
}
