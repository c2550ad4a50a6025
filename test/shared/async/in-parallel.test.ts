import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inParallel } from '#shared/async/in-parallel.ts'

test('results stand in the order of the items, and no more tasks run at once than are allowed', async () => {
  let [running, most] = [0, 0]
  const results = await inParallel([3, 1, 2, 0], 2, async (turns) => {
    most = Math.max(most, ++running)
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    running -= 1
    return turns * 10
  })
  expect(results).toEqual([30, 10, 20, 0])
  expect(most).toBe(2)
})

test('after a failure no task is started, and the running ones are awaited', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const run = inParallel([0, 1, 2, 3], 2, async (item) => {
    begun.push(item)
    if (item === 0) throw new Error('why')
    await nextTurn()
    ended.push(item)
  })
  await expect(run).rejects.toThrow('why')
  expect([begun, ended]).toEqual([[0, 1], [1]])
})

test('without items nothing runs', async () => {
  expect(await inParallel([], 4, () => Promise.reject(new Error('never called')))).toEqual([])
})
