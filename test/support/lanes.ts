/**
 * Hosts for tests in which WhatsApp misbehaves. WhatsApp knows each host as a separate client, so that tests do not
 * disturb each other.
 */
import { type Company, type Fleet, fleetOf } from './fleet.ts'
import type { Stage } from './stage.ts'

/** A host that only one test at a time uses. */
export type Lane = {
  /** A new company on one of the host's shards. */
  readonly company: Company
  /** Puts WhatsApp into a condition for this host only, until the test ends. */
  readonly service: (behaviour: string, parameters?: object) => Promise<void>
}

export type Lanes = { readonly use: (test: (lane: Lane) => Promise<void>) => Promise<void> }

/** Gives each test a free host of the stage, and makes tests wait while there is none. */
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
