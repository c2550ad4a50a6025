/** Clocks and timers that move only when a test advances them. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Time } from '../../socket-host/time.ts'

export type FakeClock = Time & {
  /** Advances time, timer by timer, and lets pending promises settle after each. */
  advance(ms: number): Promise<void>
  /** Lets pending promises settle that wait for no timer. */
  settle(): Promise<void>
  /** Corrects the wall clock; the monotonic clock is unaffected. */
  setWall(now: number): void
  timers(): number
}

type Timer = { readonly at: number; readonly action: () => void }

/** Turns of the event loop, enough for chains of promises to settle. */
const turns = 12

export function fakeClock(start = Date.parse('2026-11-22T10:00:00Z')): FakeClock {
  const timers = new Set<Timer>()
  let elapsed = 0
  let offset = start

  const settle = async () => {
    for (let turn = 0; turn < turns; turn++) await nextTurn()
  }
  const nextTimer = (until: number): Timer | undefined =>
    [...timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0]

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    after(ms, action) {
      const timer = { at: elapsed + Math.max(0, ms), action }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    settle,
    async advance(ms) {
      const target = elapsed + ms
      await settle()
      for (let timer = nextTimer(target); timer; timer = nextTimer(target)) {
        elapsed = Math.max(elapsed, timer.at)
        timers.delete(timer)
        timer.action()
        await settle()
      }
      elapsed = target
    },
    setWall: (now) => {
      offset = now - elapsed
    },
    timers: () => timers.size,
  }
}
