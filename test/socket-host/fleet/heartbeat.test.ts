import { expect, test } from 'vitest'
import { type Heartbeat, keepHeartbeat } from '../../../socket-host/fleet/heartbeat.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'
import { recordingLog } from '../../fakes/recording-log.ts'

/** Heartbeats of a host that holds what the test sets, into a store that takes them as `take` does. */
function heartbeats(take: () => Promise<void> = async () => undefined) {
  const time = fakeClock()
  const log = recordingLog()
  const written: { readonly at: number; readonly sessions: number }[] = []
  const holds = { sessions: 0 }
  const writeHeartbeat = async ({ sessions }: Heartbeat) => {
    written.push({ at: time.monotonic(), sessions })
    await take()
  }
  const host = { hostId: 'a', shards: [0], since: 0, version: 'v' }
  const stop = keepHeartbeat({ leases: { writeHeartbeat }, time, log }, () => ({ ...host, ...holds }))
  return { time, log, written, holds, stop }
}

test('an unchanged heartbeat is written every ten seconds', async () => {
  const { time, written } = heartbeats()
  await time.advance(25_000)
  expect(written.map(({ at }) => at)).toEqual([0, 10_000, 20_000])
})

test('a change is written soon, and ten seconds later again', async () => {
  const { time, written, holds } = heartbeats()
  await time.advance(4_300)
  holds.sessions = 1
  await time.advance(12_000)
  expect(written).toEqual([
    { at: 0, sessions: 0 },
    { at: 4_500, sessions: 1 },
    { at: 14_500, sessions: 1 },
  ])
})

test('two hundred sessions that open in four seconds cost four more heartbeats, and the last one counts them all', async () => {
  const { time, written, holds } = heartbeats()
  for (let n = 0; n < 200; n++) {
    holds.sessions++
    await time.advance(20)
  }
  await time.advance(1_000)
  expect(written).toHaveLength(5)
  expect(written.at(-1)?.sessions).toBe(200)
})

test('a heartbeat that could not be written is logged, not repeated; the next change is written', async () => {
  let isAway = true
  const { time, log, written, holds } = heartbeats(async () => {
    if (isAway) throw new Error('away')
  })
  await time.advance(9_000)
  expect(written).toHaveLength(1)
  expect(log.lines).toMatchObject([{ level: 'warn', message: 'Could not write the heartbeat' }])
  isAway = false
  holds.sessions = 1
  await time.advance(500)
  expect(written.at(-1)).toEqual({ at: 9_250, sessions: 1 })
  expect(log.lines).toHaveLength(1)
})

test('heartbeats do not overtake one another when the store is slow', async () => {
  const writes: (() => void)[] = []
  const { time, written, holds } = heartbeats(() => new Promise((resolve) => writes.push(resolve)))
  holds.sessions = 1
  await time.advance(5_000)
  expect(written).toHaveLength(1)
  writes[0]?.()
  await time.advance(1_000)
  expect(written.map(({ sessions }) => sessions)).toEqual([0, 1])
})

test('nothing is written after the end', async () => {
  const { time, written, holds, stop } = heartbeats()
  await time.settle()
  stop()
  holds.sessions = 1
  await time.advance(60_000)
  expect(written).toHaveLength(1)
  expect(time.timers()).toBe(0)
})
