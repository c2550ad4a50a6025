import { describe, expect, it } from 'vitest'
import type { SharedReason } from '#shared/domain/attempt/refusal.ts'
import { createLog } from '#shared/telemetry/log.ts'
import { recovery, tryEveryMs } from '../../../socket-host/company/recovery.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'
import { memoryFuse } from '../../fakes/memory-fuse.ts'

function waitingRoom() {
  const clock = fakeClock()
  const fuse = memoryFuse(clock.now)
  const lines: string[] = []
  const woken: string[] = []
  const log = createLog('test', { write: (line) => lines.push(line), clock: clock.now })
  const room = recovery({ time: clock, fuse, log })
  const wait = (companyId: string, reason: SharedReason = 'CLIENT_OUTDATED', refusedAt?: number) =>
    room.wait(companyId, {
      reason,
      wake: () => {
        woken.push(companyId)
        if (room.mayTry(companyId)) room.tried(companyId)
      },
      ...(refusedAt !== undefined && { refusedAt }),
    })
  /** A wave of refusals: three companies find a place and wait for their own time, the others stop. */
  const wave = async (companies: readonly string[]) => {
    for (const company of companies) {
      const isGranted = await fuse.takePlace(company, 'refused')
      wait(company, 'refused', isGranted ? clock.now() : undefined)
    }
  }
  return { ...room, wait, wave, clock, fuse, woken, lines }
}

describe('sessions that ended for a reason that is not their accounts’', () => {
  it('try one a minute, each in its turn', async () => {
    const { wait, clock, woken } = waitingRoom()
    for (const companyId of ['a', 'b', 'c']) wait(companyId)
    await clock.advance(tryEveryMs - 1)
    expect(woken).toEqual([])
    await clock.advance(4 * tryEveryMs)
    expect(woken).toEqual(['a', 'b', 'c', 'a'])
  })

  it('try one a minute for each reason', async () => {
    const { wait, clock, woken } = waitingRoom()
    wait('a')
    wait('b', 'INTERNAL')
    wait('c')
    await clock.advance(tryEveryMs)
    expect(woken.sort()).toEqual(['a', 'b'])
  })

  it('all follow when one of their reason has connected', () => {
    const { wait, succeeded, leave, woken, lines, mayTry } = waitingRoom()
    for (const companyId of ['a', 'b', 'c']) wait(companyId)
    wait('d', 'INTERNAL')
    leave('a')
    succeeded('CLIENT_OUTDATED')
    expect(woken).toEqual(['b', 'c'])
    expect(lines.join()).toContain('"reason":"CLIENT_OUTDATED"')
    expect(mayTry('d')).toBe(false)
  })

  it('may not try again before their next turn, and leave no timer behind', async () => {
    const { wait, clock, mayTry, leave } = waitingRoom()
    wait('a')
    await clock.advance(tryEveryMs)
    expect(mayTry('a')).toBe(false)
    leave('a')
    expect(clock.timers()).toBe(0)
  })
})

describe('refused sessions', () => {
  it('wait for their own time while the fuse is closed', async () => {
    const { wait, clock, woken } = waitingRoom()
    wait('a', 'refused', clock.now())
    await clock.advance(10 * tryEveryMs)
    expect(woken).toEqual([])
  })

  it('take their turn while the wave lasts in which they were refused', async () => {
    const { wave, clock, woken } = waitingRoom()
    await wave(['a', 'b', 'c', 'd'])
    await clock.advance(4 * tryEveryMs)
    expect(woken).toEqual(['a', 'b', 'c', 'd'])
  })

  it('follow with all others when one connects, and the fuse is closed', async () => {
    const { wave, succeeded, fuse, clock, woken } = waitingRoom()
    await wave(['a', 'b', 'c', 'd', 'e'])
    succeeded('refused')
    await clock.advance(1)
    expect(woken.sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(await fuse.takePlace('a', 'refused')).toBe(true)
  })

  it('close the fuse again when it has opened once more in between, also after a failure', async () => {
    const { wave, succeeded, fuse, clock } = waitingRoom()
    await wave(['a', 'b', 'c', 'd'])
    const { close } = fuse
    let isAway = true
    Object.assign(fuse, {
      close: async (...args: Parameters<typeof close>) => {
        if (isAway) throw new Error('away')
        await close(...args)
      },
    })
    succeeded('refused')
    await clock.advance(1000)
    isAway = false
    expect((await fuse.openings()).refused).not.toHaveProperty('until')
    await clock.advance(tryEveryMs)
    expect((await fuse.openings()).refused).toHaveProperty('until')
    await fuse.takePlace('e', 'refused')
    succeeded('refused')
    await clock.advance(1000)
    expect((await fuse.openings()).refused).toHaveProperty('until')
  })

  it('follow once when another host has closed the fuse, and not again', async () => {
    const { wave, wait, fuse, clock, woken } = waitingRoom()
    await wave(['a', 'b', 'c'])
    await fuse.takePlace('d of another host', 'refused')
    await fuse.close('refused')
    await clock.advance(1000)
    wait('e', 'refused', clock.now())
    await clock.advance(3 * tryEveryMs)
    expect(woken).toEqual(['a', 'b', 'c'])
  })
})
