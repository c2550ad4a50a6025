import { describe, expect, it } from 'vitest'
import { createLog } from '#shared/telemetry/log.ts'
import { holdLease } from '../../../socket-host/fleet/held-lease.ts'
import { pause, type Time } from '../../../socket-host/time.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'
import { memoryLeaseStore } from '../../fakes/memory-lease-store.ts'
import { type CallFate, smooth, troubledLeases } from '../support/troubled-leases.ts'

const renewMs = 3000
/** Two thirds of the 9 s after which another host takes the lease. */
const ownedMs = 6000

/** A lease that this host claimed just now, in a store whose calls meet `fate`. */
async function held(timers: Pick<Time, 'after'> | undefined = undefined) {
  const clock = fakeClock()
  const store = memoryLeaseStore()
  const [free] = await store.readAll(1)
  const claimed = (await store.claim(free!, 'host-1', 1, clock.now()))!
  const call = { fate: smooth as CallFate }
  const lines: string[] = []
  let losses = 0
  const deps = {
    ...{ time: { ...clock, ...timers }, hostId: 'host-1', shards: 1, renewMs, staleMs: 9000 },
    store: troubledLeases(
      store,
      (ms) => (ms > 0 ? pause(clock, ms) : Promise.resolve()),
      () => call.fate,
    ),
    log: createLog('test', { write: (line) => lines.push(line) }),
  }
  const own = holdLease(deps, claimed, clock.monotonic(), () => {
    losses += 1
  })
  const why = () => lines.flatMap((line) => JSON.parse(line).why ?? [])
  return { clock, store, call, own, losses: () => losses, why }
}

describe('a held lease', () => {
  it('is owned until two thirds of the stale time after its claim, and then lost once', async () => {
    const { clock, own, losses, why } = await held()
    await clock.advance(ownedMs - 1)
    expect(own.isHeld()).toBe(true)
    await clock.advance(1)
    expect(own.isHeld()).toBe(false)
    await clock.advance(60_000)
    own.lose('again')
    expect(losses()).toBe(1)
    expect(why()).toEqual(['not renewed in time'])
  })

  it('is extended from the start of the renewal, not from its answer', async () => {
    const { clock, call, own } = await held()
    await clock.advance(1000)
    call.fate = { ...smooth, delayMs: 1000, answerDelayMs: 1000 }
    void own.renew()
    await clock.advance(1000 + ownedMs - 1001)
    expect(own.isHeld()).toBe(true)
    await clock.advance(1001)
    expect(own.isHeld()).toBe(false)
    expect(own.lease().version).toBe(2)
  })

  it('is lost when another host has taken it', async () => {
    const { clock, store, own, losses, why } = await held()
    await store.claim((await store.readAll(1))[0]!, 'host-2', 2, clock.now())
    await own.renew()
    expect([own.isHeld(), losses()]).toEqual([false, 1])
    expect(why()).toEqual(['another host rules'])
  })

  it('stays lost when its renewal succeeds after its time, even if its timer has not fired', async () => {
    const { clock, call, own, losses, why } = await held({ after: () => () => undefined })
    call.fate = { ...smooth, answerDelayMs: ownedMs }
    const renewing = own.renew()
    await clock.advance(ownedMs)
    await renewing
    expect([own.isHeld(), losses()]).toEqual([false, 1])
    expect(why()).toEqual(['renewed too late'])
  })

  it.each(['fails', 'answerLost'] as const)('is renewed again soon after a call that %s', async (fate) => {
    const { clock, call, own, losses } = await held()
    call.fate = { ...smooth, fate }
    await own.renew()
    expect(own.isHeld()).toBe(true)
    call.fate = smooth
    await clock.advance(renewMs / 4)
    await clock.advance(ownedMs - 1)
    expect(own.isHeld()).toBe(true)
    expect(losses()).toBe(0)
  })

  it('is not lost after it was ended, and ends once', async () => {
    const { clock, own, losses } = await held()
    expect(own.end()).toBe(true)
    expect(own.end()).toBe(false)
    own.lose('too late')
    await own.renew()
    await clock.advance(60_000)
    expect([own.isHeld(), losses(), own.lease().version]).toEqual([false, 0, 1])
    expect(clock.timers()).toBe(0)
  })

  it('leaves no timer behind when the host stops, and is not renewed any more', async () => {
    const { clock, own } = await held()
    own.stop()
    await own.renew()
    expect(clock.timers()).toBe(0)
    expect(own.isHeld()).toBe(true)
    expect(own.lease().version).toBe(1)
  })

  it.each(['ok', 'fails'] as const)(
    'leaves no timer behind when its renewal %s after the host has stopped',
    async (fate) => {
      const { clock, call, own } = await held()
      call.fate = { ...smooth, delayMs: 100, fate }
      const renewing = own.renew()
      own.stop()
      await clock.advance(100)
      await renewing
      expect(clock.timers()).toBe(0)
    },
  )
})
