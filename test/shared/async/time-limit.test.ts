import { expect, test } from 'vitest'
import { waitAtMost } from '#shared/async/time-limit.ts'
import { fakeClock } from '../../fakes/fake-clock.ts'

const never = new Promise<string>(() => undefined)

test('what comes in time is the result, and no timer is left', async () => {
  const clock = fakeClock()
  expect(await waitAtMost(1000, Promise.resolve('in time'), () => 'late', clock.after)).toBe('in time')
  expect(clock.timers()).toBe(0)
})

test('what fails in time fails, and no timer is left', async () => {
  const clock = fakeClock()
  const work = Promise.reject(new Error('why'))
  await expect(waitAtMost(1000, work, () => 'late', clock.after)).rejects.toThrow('why')
  expect(clock.timers()).toBe(0)
})

test('timeUp decides when the time is up, not before', async () => {
  const clock = fakeClock()
  let said: unknown
  const waiting = waitAtMost(1000, never, () => 'late', clock.after).then((result) => {
    said = result
  })
  await clock.advance(999)
  expect(said).toBeUndefined()
  await clock.advance(1)
  await waiting
  expect(said).toBe('late')
})

test('timeUp may throw', async () => {
  const clock = fakeClock()
  const waiting = waitAtMost(
    1000,
    never,
    () => {
      throw new Error('too late')
    },
    clock.after,
  )
  const failed = expect(waiting).rejects.toThrow('too late')
  await clock.advance(1000)
  await failed
})

test('a late failure is ignored', async () => {
  const clock = fakeClock()
  const work = Promise.withResolvers<string>()
  const waiting = waitAtMost(1000, work.promise, () => 'late', clock.after)
  await clock.advance(1000)
  expect(await waiting).toBe('late')
  // An unhandled rejection would fail this run.
  work.reject(new Error('late'))
  await clock.settle()
})

test('without a clock of its own it takes the real one', async () => {
  expect(await waitAtMost(1, never, () => 'late')).toBe('late')
})
