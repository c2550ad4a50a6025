import { expect, test } from 'vitest'
import { type Heartbeat, keepHeartbeat } from '../../../socket-host/fleet/heartbeat.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'
import { recordingLog } from '../../fakes/recording-log.ts'

/** A host that says what the test lets it hold, to a store that takes the lines as `take` does. */
function beating(take: () => Promise<void> = async () => undefined) {
  const time = fakeClock()
  const log = recordingLog()
  const said: { readonly at: number; readonly sessions: number }[] = []
  const holds = { sessions: 0 }
  const beat = async ({ sessions }: Heartbeat) => {
    said.push({ at: time.monotonic(), sessions })
    await take()
  }
  const host = { hostId: 'a', shards: [0], since: 0, version: 'v' }
  const stop = keepHeartbeat({ leases: { beat }, time, log }, () => ({ ...host, ...holds }))
  return { time, log, said, holds, stop }
}

test('a host that holds the same says so every ten seconds', async () => {
  const { time, said } = beating()
  await time.advance(25_000)
  expect(said.map(({ at }) => at)).toEqual([0, 10_000, 20_000])
})

test('a change is told at once, and ten seconds later again', async () => {
  const { time, said, holds } = beating()
  await time.advance(4_300)
  holds.sessions = 1
  await time.advance(12_000)
  expect(said).toEqual([
    { at: 0, sessions: 0 },
    { at: 4_500, sessions: 1 },
    { at: 14_500, sessions: 1 },
  ])
})

test('two hundred sessions that come up in four seconds cost four lines, and the last tells of them all', async () => {
  const { time, said, holds } = beating()
  for (let n = 0; n < 200; n++) {
    holds.sessions++
    await time.advance(20)
  }
  await time.advance(1_000)
  expect(said).toHaveLength(5)
  expect(said.at(-1)?.sessions).toBe(200)
})

test('a store that is away is told of less often than of every change, and of the next one when it is back', async () => {
  let isAway = true
  const { time, log, said, holds } = beating(async () => {
    if (isAway) throw new Error('away')
  })
  await time.advance(9_000)
  expect(said).toHaveLength(1)
  expect(log.lines).toMatchObject([{ level: 'warn', message: 'Could not write the heartbeat' }])
  isAway = false
  holds.sessions = 1
  await time.advance(500)
  expect(said.at(-1)).toEqual({ at: 9_250, sessions: 1 })
  expect(log.lines).toHaveLength(1)
})

test('lines do not overtake one another when the store is slow', async () => {
  const writes: (() => void)[] = []
  const { time, said, holds } = beating(() => new Promise((resolve) => writes.push(resolve)))
  holds.sessions = 1
  await time.advance(5_000)
  expect(said).toHaveLength(1)
  writes[0]?.()
  await time.advance(1_000)
  expect(said.map(({ sessions }) => sessions)).toEqual([0, 1])
})

test('nothing is told after the end', async () => {
  const { time, said, holds, stop } = beating()
  await time.settle()
  stop()
  holds.sessions = 1
  await time.advance(60_000)
  expect(said).toHaveLength(1)
  expect(time.timers()).toBe(0)
})
