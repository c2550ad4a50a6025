import { expect, onTestFinished, test, vi } from 'vitest'
import type { ExecutionEnvironment } from '../../../local/invoke/execution-environment.ts'
import { idleEnvironments, idleMs } from '../../../local/invoke/idle-environments.ts'
import { fakeEnvironment } from '../support/fake-environment.ts'

function idle() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const expired: ExecutionEnvironment[] = []
  return { ...idleEnvironments((each) => expired.push(each)), expired }
}

test('the environment that was used last is taken first, and each is taken once', () => {
  const { keep, take } = idle()
  const [first, second] = [fakeEnvironment(), fakeEnvironment()]
  keep(first)
  keep(second)
  expect([take(), take(), take()]).toEqual([second, first, undefined])
})

test('an environment that is not taken in time expires, and cannot be taken any more', () => {
  const { keep, take, expired } = idle()
  const kept = fakeEnvironment()
  keep(kept)
  vi.advanceTimersByTime(idleMs - 1)
  expect(expired).toEqual([])
  vi.advanceTimersByTime(1)
  expect(expired).toEqual([kept])
  expect(take()).toBeUndefined()
})

test('an environment that was taken does not expire, nor does one after `clear`', () => {
  const { keep, take, clear, expired } = idle()
  keep(fakeEnvironment())
  take()
  keep(fakeEnvironment())
  clear()
  vi.advanceTimersByTime(idleMs)
  expect(expired).toEqual([])
  expect(take()).toBeUndefined()
})
