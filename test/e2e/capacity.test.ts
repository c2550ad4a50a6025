/**
 * Many pairings at once beside healthy sessions (R18, R41, R44). `npm run bench -- capacity` has 200, and
 * sees that there are codes enough.
 */
import { expect, it } from 'vitest'
import { brokenPromises, burst, connectHealthy, gather } from './burst.ts'
import { startStage } from './stage.ts'

it('thirty pairings at once: everybody has a code or an honest BUSY within 20 s, and no session misses a keep-alive', async () => {
  const stage = await startStage({ hosts: 1, environment: { RECONNECTS_PER_SECOND: '20' } })
  try {
    const healthy = await connectHealthy(stage, 20)
    const asked = await burst(await gather(stage, 30), 60_000)
    expect(await brokenPromises(stage, healthy, asked, 5)).toEqual([])
    await asked.close()
  } finally {
    await stage.stop()
  }
}, 240_000)
