import { describe, expect, it } from 'vitest'
import type { Urgency } from '../../../socket-host/company/opening-places.ts'
import { type Leave, pacing } from '../../../socket-host/company/pacing.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'

const idle = () => 0

/** A pacing and what has begun, by name. */
function rig({ load = idle }: { readonly load?: () => number } = {}) {
  const clock = fakeClock()
  const begun: string[] = []
  const { enter, admitAttempt } = pacing({ time: clock, load })
  const leaves = new Map<string, Leave>()
  return {
    ...{ clock, begun, admitAttempt },
    enter: (urgency: Urgency, count = 1, name: string = urgency) => {
      for (let each = 0; each < count; each++)
        leaves.set(
          name,
          enter(urgency, () => begun.push(name)),
        )
    },
    /** Enters openings that reach their goal after some time. */
    open: (urgency: Urgency, ms: number, count = 1) => {
      for (let each = 0; each < count; each++) {
        const leave = enter(urgency, () => {
          begun.push(urgency)
          clock.after(ms, () => leave('served'))
        })
      }
    },
    leave: (name: string) => leaves.get(name)?.(),
    count: (name: string) => begun.filter((each) => each === name).length,
  }
}

describe('openings', () => {
  it('begin at once up to the places of an idle host, then when others end', async () => {
    const { clock, open, begun } = rig()
    open('restart', 300, 50)
    expect(begun).toHaveLength(32)
    await clock.advance(300)
    expect(begun).toHaveLength(50)
  })

  it('of each urgency begin at once within its share, though others have taken all places', () => {
    const { enter, count } = rig()
    enter('reconnect', 100)
    enter('restart', 100)
    enter('pairing', 100)
    expect([count('reconnect'), count('restart'), count('pairing')]).toEqual([8, 24, 16])
  })

  it('get each place that is left in order of urgency, then of arrival', () => {
    const { enter, leave, begun } = rig()
    enter('pairing', 15)
    enter('restart', 8)
    enter('reconnect', 8)
    enter('pairing', 1, 'last')
    begun.length = 0
    enter('reconnect', 1, 'reconnect 2')
    enter('restart', 1, 'restart 2')
    enter('pairing', 1, 'pairing 2')
    enter('pairing', 1, 'pairing 3')
    expect(begun).toEqual([])
    for (const name of ['last', 'pairing 2', 'pairing 3', 'restart 2']) leave(name)
    expect(begun).toEqual(['pairing 2', 'pairing 3', 'restart 2'])
  })

  it('of a restart that has waited for long go ahead of pairings', async () => {
    const { clock, enter, open, begun } = rig({ load: () => 0.8 })
    open('pairing', 4_900, 16)
    open('restart', 4_900, 8)
    open('reconnect', 4_900, 8)
    enter('restart', 1, 'first restart')
    await clock.advance(1)
    enter('restart', 1, 'second restart')
    open('pairing', 4_900, 100)
    begun.length = 0
    await clock.advance(4_950)
    expect(begun.slice(0, 2)).toEqual(['pairing', 'pairing'])
    expect(begun).toEqual(expect.arrayContaining(['first restart', 'second restart']))
  })

  it('that hang delay others only for a while', async () => {
    const { clock, enter, count } = rig({ load: () => 0.8 })
    enter('restart', 32)
    enter('restart', 1, 'healthy')
    await clock.advance(4_900)
    expect(count('healthy')).toBe(0)
    await clock.advance(200)
    expect(count('healthy')).toBe(1)
  })

  it('can leave the queue before their turn, and give their place back only once', () => {
    const { enter, leave, begun } = rig()
    enter('restart', 31)
    enter('restart', 1, 'first')
    for (const name of ['second', 'third', 'fourth']) enter('restart', 1, name)
    begun.length = 0
    leave('second')
    leave('first')
    leave('first')
    expect(begun).toEqual(['third'])
  })

  it('get more places while the loop has time to spare, and the first ones again when all are over', async () => {
    const { clock, open, begun } = rig()
    open('pairing', 4_500, 60)
    await clock.advance(2_000)
    expect(begun).toHaveLength(40)
    await clock.advance(60_000)
    begun.length = 0
    open('pairing', 300, 60)
    expect(begun).toHaveLength(32)
  })

  it('get fewer places while the loop is busy, but some always', async () => {
    const { clock, open, enter, begun } = rig({ load: () => 0.95 })
    open('reconnect', 100, 32)
    enter('restart', 1)
    await clock.advance(10_500)
    begun.length = 0
    enter('reconnect', 100, 'late reconnect')
    expect(begun).toHaveLength(4)
    enter('pairing', 100, 'late')
    expect(begun).toHaveLength(16)
  })

  it('of reconnects grow fast while the loop is idle, and fall back to their share when all are over', async () => {
    const { clock, open, count, begun } = rig({ load: () => 0.1 })
    open('reconnect', 400, 500)
    expect(count('reconnect')).toBe(8)
    await clock.advance(2_000)
    const before = count('reconnect')
    await clock.advance(400)
    expect(count('reconnect') - before).toBe(96)
    await clock.advance(60_000)
    begun.length = 0
    open('reconnect', 300, 60)
    expect(begun).toHaveLength(8)
  })

  it('of reconnects have only their share on a busy loop beside a pairing that has lost its place', async () => {
    let load = 0.1
    const { clock, enter, open, count } = rig({ load: () => load })
    enter('pairing')
    await clock.advance(5_100)
    open('reconnect', 400, 800)
    await clock.advance(3_000)
    load = 1
    await clock.advance(1_000)
    const before = count('reconnect')
    await clock.advance(400)
    expect(count('reconnect') - before).toBeLessThanOrEqual(12)
  })

  it('of reconnects that hang get no more places, however idle the loop is', async () => {
    const { clock, enter, open, count } = rig({ load: () => 0.05 })
    open('reconnect', 100)
    enter('reconnect', 1000, 'hanging')
    await clock.advance(4_900)
    expect(count('hanging')).toBeLessThanOrEqual(16)
    await clock.advance(25_000)
    expect(count('hanging')).toBeLessThanOrEqual(16 + 5 * 12)
  })

  it('of reconnects get no more places because pairings wait', async () => {
    const { clock, enter, open, count } = rig({ load: () => 0.05 })
    open('pairing', 4_500, 60)
    open('reconnect', 100, 2)
    await clock.advance(4_600)
    enter('reconnect', 100, 'later')
    expect(count('later')).toBeLessThanOrEqual(12)
  })

  it('of reconnects begin as soon as an owner who waits has given up', async () => {
    const { clock, enter, leave, open, begun, count } = rig({ load: () => 0.1 })
    open('reconnect', 400, 500)
    await clock.advance(2_000)
    enter('pairing', 30)
    enter('pairing', 1, 'waiting')
    await clock.advance(400)
    expect(begun).not.toContain('waiting')
    const before = count('reconnect')
    leave('waiting')
    expect(count('reconnect') - before).toBeGreaterThan(80)
  })

  it('of reconnects begin as soon as an overdue pairing has ended on a busy loop', async () => {
    let load = 0.1
    const { clock, enter, leave, open, count } = rig({ load: () => load })
    enter('pairing', 1, 'slow')
    await clock.advance(5_100)
    open('reconnect', 400, 800)
    await clock.advance(2_500)
    load = 1
    await clock.advance(900)
    const before = count('reconnect')
    leave('slow')
    expect(count('reconnect') - before).toBeGreaterThan(10)
  })

  it('set no timer on a host that opens nothing', async () => {
    const { clock, open } = rig()
    open('reconnect', 300, 30)
    await clock.advance(10_000)
    expect(clock.timers()).toBe(0)
  })
})

describe('attempts', () => {
  it('are admitted in bursts of fifty at least, also when little of their time is left', () => {
    const { admitAttempt } = rig()
    expect(Array.from({ length: 50 }, () => admitAttempt(8_000))).toEqual(Array(50).fill('admitted'))
  })

  it('that are rejected together get retry times one after the other', () => {
    const { admitAttempt } = rig()
    for (let burst = 0; burst < 50; burst++) admitAttempt(1_000)
    const delays = Array.from({ length: 8 }, () => admitAttempt(1_000)).map((each) =>
      each === 'admitted' ? 0 : each.retryAfter,
    )
    for (const [index, delay] of delays.slice(4).entries()) expect(delay).toBe((delays[index] ?? 0) + 1)
    expect(delays[0]).toBeGreaterThan(0)
  })

  it('whose code would come too late are rejected at once', async () => {
    const { clock, admitAttempt, open } = rig()
    open('pairing', 4_000, 40)
    await clock.advance(8_100)
    open('pairing', 4_000, 20)
    expect(admitAttempt(20_000)).toBe('admitted')
    expect(admitAttempt(6_000)).toEqual({ retryAfter: expect.any(Number) })
  })

  it('are rejected when the links of the codes on screen need the time', async () => {
    const { clock, admitAttempt, open } = rig({ load: () => 0.8 })
    const admitted = () => {
      let count = 0
      for (; admitAttempt(20_000) === 'admitted'; count++);
      return count
    }
    // One always runs: what was measured is forgotten without any.
    open('pairing', 4_000)
    open('pairing', 100)
    await clock.advance(100)
    const before = admitted()
    await clock.advance(5_000)
    open('pairing', 100, 200)
    await clock.advance(4_000)
    open('pairing', 4_000)
    expect(admitted()).toBeLessThan(before / 2)
  })

  it('that hang, and durations measured before an idle time, do not count against the next burst', async () => {
    const { clock, admitAttempt, open, enter } = rig()
    enter('pairing', 16)
    await clock.advance(15_000)
    open('pairing', 19_000, 8)
    await clock.advance(3_600_000)
    expect(Array.from({ length: 50 }, () => admitAttempt(20_000))).toEqual(Array(50).fill('admitted'))
  })

  it('are admitted beside some that hang, and after some that WhatsApp answered late', async () => {
    const { clock, admitAttempt, enter, open } = rig()
    enter('pairing', 3)
    await clock.advance(15_000)
    expect(admitAttempt(20_000)).toBe('admitted')
    for (let late = 0; late < 10; late++) {
      open('pairing', 19_000)
      await clock.advance(19_000)
    }
    expect(admitAttempt(20_000)).toBe('admitted')
  })

  it('are rejected while many hang on a loop without time to spare', async () => {
    const { clock, admitAttempt, enter } = rig({ load: () => 1 })
    enter('pairing', 30)
    await clock.advance(15_000)
    expect(admitAttempt(20_000)).toEqual({ retryAfter: expect.any(Number) })
  })

  it('are fewer while many reconnects run, also when none of them waits, but not while they hang', async () => {
    const admitted = async (reconnects: number, ms: number) => {
      const { clock, admitAttempt, enter, open } = rig({ load: () => 0.8 })
      enter('reconnect', reconnects)
      await clock.advance(ms)
      // One always runs: what was measured is forgotten without any.
      open('pairing', 4_000)
      open('pairing', 100)
      await clock.advance(100)
      let count = 0
      for (; admitAttempt(20_000) === 'admitted'; count++);
      return count
    }
    const all = await admitted(0, 0)
    expect(await admitted(8, 0)).toBeLessThan(all * 0.7)
    expect(await admitted(1, 0)).toBe(all)
    expect(await admitted(8, 5_100)).toBe(all)
  })

  it('that never come to open a socket are forgotten', async () => {
    const { clock, admitAttempt } = rig()
    while (admitAttempt(20_000) === 'admitted');
    await clock.advance(5_000)
    expect(admitAttempt(20_000)).toBe('admitted')
  })

  it('do not get retry times after those of clients that have not come back', async () => {
    const { clock, admitAttempt } = rig()
    const refused = () => {
      for (let burst = 0; burst < 50; burst++) admitAttempt(1_000)
      return admitAttempt(1_000)
    }
    const first = refused()
    for (let refused = 0; refused < 100; refused++) admitAttempt(1_000)
    await clock.advance(5_000)
    expect(refused()).toEqual(first)
  })
})
