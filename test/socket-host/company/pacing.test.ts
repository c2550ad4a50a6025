import { describe, expect, it } from 'vitest'
import { type PacingLimits, pacing } from '../../../socket-host/company/pacing.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'

const limits: PacingLimits = {
  concurrent: { pairing: 2, restart: 2, reconnect: 2 },
  holdMs: 5000,
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

  it('all begin, though timers fire a little early and each look at the clock takes time', async () => {
    const clock = fakeClock()
    let reads = 0
    const time = {
      ...clock,
      monotonic: () => clock.monotonic() + ++reads * 0.3,
      after: (ms: number, action: () => void) => clock.after(Math.floor(ms), action),
    }
    const { enter } = pacing(time, limits)
    let begun = 0
    for (let session = 0; session < 100; session++) {
      const leave = enter('reconnect', () => {
        begun++
        clock.after(1, () => leave())
      })
    }
    await clock.advance(30_000)
    expect(begun).toBe(100)
  })

  it('that hang delay others only for a while', async () => {
    const clock = fakeClock()
    const { enter } = pacing(clock, limits)
    const begun: number[] = []
    for (const hanging of [1, 2]) enter('reconnect', () => begun.push(hanging))
    await clock.advance(1000)
    const leaveHealthy = enter('reconnect', () => begun.push(3))
    await clock.advance(3900)
    expect(begun).toEqual([1, 2])
    await clock.advance(300)
    expect(begun).toEqual([1, 2, 3])
    leaveHealthy()
  })

  it('of pairings begin at once while five hundred sessions reconnect, and the sessions come up at their own pace', async () => {
    const clock = fakeClock()
    const { enter } = pacing(clock)
    const loginMs = 400
    const codeMs = 1500
    let connected = 0
    for (let session = 0; session < 500; session++) {
      const leave = enter('reconnect', () =>
        clock.after(loginMs, () => {
          connected += 1
          leave()
        }),
      )
    }
    await clock.advance(10_000)
    const askedAt = clock.monotonic()
    const codes: number[] = []
    for (let pairing = 0; pairing < 50; pairing++) {
      const leave = enter('pairing', () =>
        clock.after(codeMs, () => {
          codes.push(clock.monotonic() - askedAt)
          leave()
        }),
      )
    }
    await clock.advance(90_000 + codeMs * 7)
    expect(codes.length).toBe(50)
    expect(Math.max(...codes)).toBeLessThan(20_000)
    expect(connected).toBe(500)
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
  it('are admitted in a burst, then as fast as the host can link; the rest get a retry time', async () => {
    const clock = fakeClock()
    const { admitAttempt } = pacing(clock, limits)
    expect([1, 2, 3].map(() => admitAttempt(20_000))).toEqual(['admitted', 'admitted', 'admitted'])
    expect(admitAttempt(20_000)).toEqual({ retryAfter: 1 })
    await clock.advance(1000)
    expect([1, 2, 3].map(() => admitAttempt(20_000))).toEqual(['admitted', 'admitted', { retryAfter: 1 }])
  })

  it('that are rejected together get retry times one after the other', async () => {
    const clock = fakeClock()
    const { admitAttempt } = pacing(clock, limits)
    for (let admitted = 0; admitted < 3; admitted++) admitAttempt(20_000)
    const delays = Array.from({ length: 6 }, () => admitAttempt(20_000)).map((each) =>
      each === 'admitted' ? 0 : each.retryAfter,
    )
    expect(delays).toEqual([1, 1, 2, 2, 3, 3])
    for (let second = 0; second < 3; second++) {
      await clock.advance(1000)
      expect([admitAttempt(20_000), admitAttempt(20_000)]).toEqual(['admitted', 'admitted'])
    }
  })

  it('whose code would come too late are rejected at once', async () => {
    const clock = fakeClock()
    const { admitAttempt, enter } = pacing(clock, { ...limits, attemptBurst: 64 })
    const pair = () => {
      const leave = enter('pairing', () => clock.after(4000, () => leave('served')))
    }
    for (let pairing = 0; pairing < 10; pairing++) pair()
    expect(admitAttempt(20_000)).toBe('admitted')
    await clock.advance(17_000)
    // By now it is known how long a pairing takes here: 2 s for those that are ahead are no longer enough.
    for (let pairing = 0; pairing < 6; pairing++) pair()
    expect(admitAttempt(20_000)).toBe('admitted')
    expect(admitAttempt(8_000)).toEqual({ retryAfter: expect.any(Number) })
  })

  it('that hang, and durations measured before an idle time, do not count against the next burst', async () => {
    const clock = fakeClock()
    const { admitAttempt, enter } = pacing(clock)
    for (let hung = 0; hung < 16; hung++) enter('pairing', () => undefined)
    await clock.advance(15_000)
    for (let slow = 0; slow < 8; slow++) {
      const leave = enter('pairing', () => clock.after(19_000, () => leave('served')))
    }
    await clock.advance(3_600_000)
    expect(Array.from({ length: 50 }, () => admitAttempt(20_000))).toEqual(Array(50).fill('admitted'))
  })

  it('do not get retry times after those of clients that have not come back', async () => {
    const clock = fakeClock()
    const { admitAttempt } = pacing(clock, limits)
    for (let refused = 0; refused < 100; refused++) admitAttempt(20_000)
    await clock.advance(60_000)
    for (let admitted = 0; admitted < 3; admitted++) expect(admitAttempt(20_000)).toBe('admitted')
    expect(admitAttempt(20_000)).toEqual({ retryAfter: 1 })
  })

  it('come in bursts of fifty at least', () => {
    const { admitAttempt } = pacing(fakeClock())
    expect(Array.from({ length: 50 }, () => admitAttempt(20_000))).toEqual(Array(50).fill('admitted'))
  })
})
