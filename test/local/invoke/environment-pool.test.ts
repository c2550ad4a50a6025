import { expect, onTestFinished, test, vi } from 'vitest'
import { environmentPool, growDelayMs, maxEnvironments } from '../../../local/invoke/environment-pool.ts'
import { fakeEnvironment } from '../support/fake-environment.ts'

function pool() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const started: ReturnType<typeof fakeEnvironment>[] = []
  const environments = environmentPool(() => {
    const environment = fakeEnvironment()
    started.push(environment)
    return environment
  })
  return { ...environments, started }
}

test('an environment is started for the first invocation, and used again', async () => {
  const { take, giveBack, started } = pool()
  const first = await take()
  giveBack(first!)
  expect(await take()).toBe(first)
  expect(started).toHaveLength(1)
})

test('an invocation that waits gets the environment that becomes free first', async () => {
  const { take, giveBack, started } = pool()
  const first = await take()
  const next = take()
  giveBack(first!)
  expect(await next).toBe(first)
  await vi.advanceTimersByTimeAsync(growDelayMs)
  expect(started).toHaveLength(1)
})

test('environments are added one after the other while invocations wait, up to the limit', async () => {
  const { take, started } = pool()
  for (let invocation = 0; invocation < 2 * maxEnvironments; invocation++) void take()
  for (const expected of [1, 2, 3, 4, 4, 4]) {
    expect(started).toHaveLength(expected)
    await vi.advanceTimersByTimeAsync(growDelayMs)
  }
})

test('a waiting invocation gets a new environment when the one that comes back has crashed', async () => {
  const { take, giveBack, started } = pool()
  const first = await take()
  const next = take()
  started[0]?.crash()
  giveBack(first!)
  expect(await next).toBe(started[1])
})

test('an environment that crashed while it was idle does not count against the limit', async () => {
  const { take, giveBack, started } = pool()
  giveBack((await take())!)
  started[0]?.crash()
  for (let invocation = 0; invocation < 2 * maxEnvironments; invocation++) void take()
  await vi.advanceTimersByTimeAsync(2 * maxEnvironments * growDelayMs)
  expect(started).toHaveLength(1 + maxEnvironments)
})

test('a pool is prewarmed once', async () => {
  const { take, prewarm, started } = pool()
  await prewarm()
  await prewarm()
  expect(await take()).toBe(started[0])
  expect(started).toHaveLength(1)
})

test('a pool that is stopped stops its environments, and leaves no invocation waiting', async () => {
  const { take, giveBack, prewarm, stop, started } = pool()
  const first = await take()
  const next = take()
  await stop()
  giveBack(first!)
  await prewarm()
  expect(await Promise.all([next, take()])).toEqual([undefined, undefined])
  expect(started.map((environment) => environment.isAlive())).toEqual([false])
})
