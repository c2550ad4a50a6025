import { expect, test } from 'vitest'
import { keepAlive, pingMs } from '../../../socket-host/whatsapp/keep-alive.ts'
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts'

/** Starts pings that the peer answers after a second, as long as `peer.answers`. */
function start(time: Pick<FakeClock, 'monotonic' | 'after'>) {
  const seen: string[] = []
  const peer = { answers: true }
  const alive = keepAlive({
    time,
    ping() {
      seen.push(`ping ${time.monotonic() / 1000}`)
      if (peer.answers) time.after(1000, alive.heard)
    },
    onSilent: (ms) => seen.push(`silent ${ms / 1000}`),
  })
  return { alive, peer, seen }
}

test('pings every 30 s from the first stanza on, whatever the wall clock shows', async () => {
  const clock = fakeClock()
  const { alive, seen } = start(clock)
  await clock.advance(60_000)
  expect(seen).toEqual([])
  alive.heard()
  await clock.advance(45_000)
  clock.setWall(clock.now() + 3_600_000)
  await clock.advance(45_000)
  clock.setWall(0)
  await clock.advance(30_000)
  expect(seen).toEqual(['ping 90', 'ping 120', 'ping 150', 'ping 180'])
})

test('a peer that says nothing for more than 35 s is gone at the next ping, once', async () => {
  const clock = fakeClock()
  const { alive, peer, seen } = start(clock)
  alive.heard()
  await clock.advance(pingMs + 1000)
  peer.answers = false
  await clock.advance(300_000)
  expect(seen).toEqual(['ping 30', 'ping 60', 'silent 59'])
  expect(clock.timers()).toBe(0)
})

test('after a stop no ping follows, and a late stanza starts none', async () => {
  const clock = fakeClock()
  const { alive, seen } = start(clock)
  alive.heard()
  alive.stop()
  alive.heard()
  await clock.advance(120_000)
  expect(seen).toEqual([])
  expect(clock.timers()).toBe(0)
})

test('a process that was stopped asks once more before it calls its peer silent', () => {
  let now = 0
  const timers: (() => void)[] = []
  const fire = () => timers.shift()?.()
  const { alive, peer, seen } = start({
    monotonic: () => now,
    after(_ms, action) {
      timers.push(action)
      return () => {}
    },
  })
  peer.answers = false
  alive.heard()
  now = 600_000
  fire()
  now += pingMs
  fire()
  now += pingMs
  fire()
  expect(seen).toEqual(['ping 600', 'ping 630', 'silent 60'])
})
