import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '#shared/domain/values/errors.ts'
import { recovery, tryEveryMs } from '../../../socket-host/company/recovery.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'

function waitingRoom() {
  const clock = fakeClock()
  const recovered: ErrorCode[] = []
  const woken: string[] = []
  const room = recovery(clock, (code) => recovered.push(code))
  const wait = (companyId: string, code: ErrorCode = 'CLIENT_OUTDATED') =>
    room.wait(companyId, code, () => {
      woken.push(companyId)
      if (room.mayTry(companyId)) room.tried(companyId)
    })
  return { ...room, wait, clock, woken, recovered }
}

describe('sessions that are stopped for a reason that is not their accounts’', () => {
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
    wait('b', 'LOGGED_OUT')
    wait('c')
    await clock.advance(tryEveryMs)
    expect(woken.sort()).toEqual(['a', 'b'])
  })

  it('all follow when one of their reason has connected', async () => {
    const { wait, succeeded, leave, woken, recovered, mayTry } = waitingRoom()
    for (const companyId of ['a', 'b', 'c']) wait(companyId)
    wait('d', 'LOGGED_OUT')
    leave('a')
    succeeded('CLIENT_OUTDATED')
    expect(woken).toEqual(['b', 'c'])
    expect(recovered).toEqual(['CLIENT_OUTDATED'])
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
