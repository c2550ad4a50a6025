import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { pause } from '../../socket-host/time.ts'
import { fakeClock } from '../fakes/fake-clock.ts'

test('a pause ends with its time or with its signal, and leaves no listener on the signal', async () => {
  const clock = fakeClock()
  const stopping = new AbortController()
  const first = pause(clock, 1000, stopping.signal)
  expect(getEventListeners(stopping.signal, 'abort')).toHaveLength(1)
  await clock.advance(1000)
  await first
  expect(getEventListeners(stopping.signal, 'abort')).toHaveLength(0)
  const second = pause(clock, 1000, stopping.signal)
  stopping.abort()
  await second
  await pause(clock, 1000, stopping.signal)
})
