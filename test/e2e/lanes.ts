/** Hosts for tests that make WhatsApp misbehave: each is a client of its own there, so that one test disturbs no other. */
import { type Company, type Fleet, fleetOf } from '../chaos/fleet.ts'
import type { Stage } from './stage.ts'

/** A host that one test at a time has for itself. */
export type Lane = {
  /** A company that nobody has used, and that this host runs. */
  readonly company: Company
  /** Puts WhatsApp into a condition for this host alone; it is well again when the test has ended. */
  readonly service: (behaviour: string, parameters?: object) => Promise<void>
}

/** For stages with lanes: a host that stood still for a while must not find its companies on another one. */
export const steadyLeases = { LEASE_STALE_MS: '60000' } as const

export type Lanes = { readonly use: (test: (lane: Lane) => Promise<void>) => Promise<void> }

/** Shares the hosts of a stage out among the tests that ask for one; as many run side by side as there are hosts. */
export async function lanesOf(stage: Stage): Promise<Lanes> {
  const fleet: Fleet = fleetOf(stage)
  await fleet.untilSpread()
  const free = [...(await fleet.hosts())]
  const waiting: (() => void)[] = []
  const take = async () => {
    for (let host = free.pop(); ; host = free.pop()) {
      if (host) return host
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  return {
    async use(test) {
      const host = await take()
      const service: Lane['service'] = (behaviour, parameters = {}) =>
        stage.service(behaviour, { ...parameters, client: host.hostId })
      try {
        await test({ company: fleet.freshOn(host), service })
      } finally {
        await service('ok')
        free.push(host)
        waiting.shift()?.()
      }
    },
  }
}
