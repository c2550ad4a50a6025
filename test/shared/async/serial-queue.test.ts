import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { serialQueue } from '#shared/async/serial-queue.ts'

/** Records when each task begins and ends; `turns` is how many turns of the event loop it takes. */
function tasks() {
  const journal: string[] = []
  const task = (name: string, turns: number) => async () => {
    journal.push(`${name} begins`)
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    journal.push(`${name} ends`)
    return name
  }
  return { journal, task }
}

test('tasks run one after the other, in order', async () => {
  const inTurn = serialQueue()
  const { journal, task } = tasks()
  const results = await Promise.all([inTurn(task('a', 3)), inTurn(task('b', 0)), inTurn(task('c', 1))])
  expect(results).toEqual(['a', 'b', 'c'])
  expect(journal).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('tasks of other names do not wait', async () => {
  const inTurn = serialQueue()
  const { journal, task } = tasks()
  await Promise.all([inTurn(task('a', 3), 'one'), inTurn(task('b', 0), 'other')])
  expect(journal).toEqual(['a begins', 'b begins', 'b ends', 'a ends'])
})

test('a failure goes to the caller of its task, and does not stop the others', async () => {
  const inTurn = serialQueue()
  const failed = inTurn(() => Promise.reject(new Error('why')))
  const next = inTurn(async () => 'done')
  await expect(failed).rejects.toThrow('why')
  expect(await next).toBe('done')
})
