import { describe, expect, it } from 'vitest'
import { type PacingLimits, pacing } from '../../socket-host/pacing.ts'
import { fakeClock } from '../fakes/fake-clock.ts'

const limits: PacingLimits = {
  concurrent: { pairing: 2, restart: 2, reconnect: 2 },
  reconnectsPerSecond: 5,
  attemptBurst: 3,
  attemptsPerSecond: 2,
}

describe('openings', () => {
  it('begin in order of urgency, then of arrival', () => {
    const begun: string[] = []
    const { enter } = pacing(fakeClock(), { ...limits, concurrent: { pairing: 1, restart: 1, reconnect: 1 } })
    const leaveFirst = enter('pairing', () => begun.push('first'))
    const leaves = [
      enter('reconnect', () => begun.push('reconnect')),
      enter('restart', () => begun.push('restart')),
      enter('pairing', () => begun.push('second')),
    ]
    expect(begun).toEqual(['first'])
    leaveFirst()
    for (const leave of leaves.toReversed()) leave()
    expect(begun).toEqual(['first', 'second', 'restart', 'reconnect'])
  })

  it('that are less urgent never hold up more urgent ones', () => {
    const begun: string[] = []
    const { enter } = pacing(fakeClock(), limits)
    enter('restart', () => begun.push('restart'))
    enter('restart', () => begun.push('restart'))
    enter('pairing', () => begun.push('pairing'))
    expect(begun).toEqual(['restart', 'restart', 'pairing'])
  })

  it('in the background are spread over time', async () => {
    const clock = fakeClock()
    const { enter } = pacing(clock, { ...limits, concurrent: { pairing: 2, restart: 2, reconnect: 100 } })
    let begun = 0
    for (let session = 0; session < 20; session++) enter('reconnect', () => begun++)
    await clock.advance(1000)
    expect(begun).toBe(6)
    await clock.advance(3000)
    expect(begun).toBe(20)
  })

  it('can leave the queue before their turn, and give their place back only once', () => {
    const begun: string[] = []
    const { enter } = pacing(fakeClock(), { ...limits, concurrent: { pairing: 1, restart: 1, reconnect: 1 } })
    const leaveFirst = enter('pairing', () => begun.push('first'))
    const leaveSecond = enter('pairing', () => begun.push('second'))
    enter('pairing', () => begun.push('third'))
    enter('pairing', () => begun.push('fourth'))
    leaveSecond()
    leaveFirst()
    leaveFirst()
    expect(begun).toEqual(['first', 'third'])
  })
})

describe('attempts', () => {
  it('are admitted in a burst, then as fast as the host can link, and told when to come back', async () => {
    const clock = fakeClock()
    const { admitAttempt } = pacing(clock, limits)
    expect([1, 2, 3].map(() => admitAttempt())).toEqual(['admitted', 'admitted', 'admitted'])
    expect(admitAttempt()).toEqual({ retryAfter: 1 })
    await clock.advance(1000)
    expect([1, 2, 3].map(() => admitAttempt())).toEqual(['admitted', 'admitted', { retryAfter: 1 }])
  })

  it('come in bursts of fifty at least', () => {
    const { admitAttempt } = pacing(fakeClock())
    expect(Array.from({ length: 50 }, admitAttempt)).toEqual(Array(50).fill('admitted'))
  })
})
