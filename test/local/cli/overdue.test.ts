import { expect, test } from 'vitest'
import { defaultOverdueTimes, whenOverdue } from '../../../local/cli/overdue.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'

/** Returns the seconds after the start at which the server is asked. */
function askedAt() {
  const time = fakeClock()
  const seconds: number[] = []
  const overdue = whenOverdue(() => seconds.push(time.monotonic() / 1000), defaultOverdueTimes, time.after)
  return { time, seconds, overdue }
}

test('news that have a time are asked for some seconds after it, and again while there are none', async () => {
  const { time, seconds, overdue } = askedAt()
  overdue.expectIn(20)
  await time.advance(50_000)
  expect(seconds).toEqual([23, 33, 43])
})

test.each([undefined, 0, -5, Number.NaN, 'soon'])('news without a time (%s) are asked for soon', async (due) => {
  const { time, seconds, overdue } = askedAt()
  overdue.expectIn(due)
  await time.advance(10_000)
  expect(seconds).toEqual([10])
})

test('news in time are not asked for, nor is anything after the end', async () => {
  const { time, seconds, overdue } = askedAt()
  overdue.expectIn(20)
  await time.advance(19_000)
  overdue.expectIn(50)
  await time.advance(52_000)
  overdue.stop()
  await time.advance(60_000)
  expect(seconds).toEqual([])
  expect(time.timers()).toBe(0)
})
