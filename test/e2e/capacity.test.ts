/**
 * More pairings at once than a host admits, beside healthy sessions (R18, R41, R44). `npm run bench -- capacity` has 200, and
 * sees that there are codes enough.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { brokenPromises, burst, connectHealthy, gather } from './burst.ts'
import type { Linked } from './linked-fleet.ts'
import { type Stage, startStage } from './stage.ts'

let stage: Stage
let healthy: readonly Linked[]

beforeAll(async () => {
  stage = await startStage({ hosts: 1, environment: { RECONNECTS_PER_SECOND: '20' } })
  healthy = await connectHealthy(stage, 30)
})
afterAll(() => stage?.stop())

it('sixty pairings at once: everybody has a code or an honest BUSY within 20 s, and no session misses a keep-alive', async () => {
  const asked = await burst(await gather(stage, 60), 30_000)
  expect(await brokenPromises(stage, healthy, asked, 10)).toEqual([])
  await asked.close()
})
