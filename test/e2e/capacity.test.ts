/**
 * Many pairings at once next to healthy sessions (R41, R44). `npm run bench -- capacity` has 200, and also checks the promises
 * about time: twenty seconds to a code, and no missed keep-alive.
 */
import { expect, it } from 'vitest'
import { brokenPromises, burst, connectHealthy, gather } from '../support/burst.ts'
import { startStage, steadyLeases } from '../support/stage.ts'

/** Longer than the deadline of a code, which the hosts enforce. */
const patienceMs = 150_000

it('thirty pairings at once: everybody has a code or an honest BUSY, and no session has to log in again', async () => {
  const stage = await startStage({
    hosts: 1,
    environment: { ...steadyLeases, CODE_DEADLINE_SECONDS: '120' },
  })
  try {
    const healthy = await connectHealthy(stage, 20)
    const asked = await burst(await gather(stage, 30), patienceMs)
    expect(await brokenPromises(stage, healthy, asked, 5)).toEqual([])
    await asked.close()
  } finally {
    await stage.stop()
  }
}, 240_000)
