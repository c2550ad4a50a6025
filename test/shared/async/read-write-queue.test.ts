import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readWriteQueue } from '#shared/async/read-write-queue.ts'

/** Records when each task begins and ends; `turns` is how many turns of the event loop it takes. */
function tasks() {
  const log: string[] = []
  const task = (name: string, turns: number) => async () => {
    log.push(`${name} begins`)
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    log.push(`${name} ends`)
    return name
  }
  return { log, task }
}

test('reads run beside each other', async () => {
  const queue = readWriteQueue()
  const { log, task } = tasks()
  expect(await Promise.all([queue.read(task('a', 3)), queue.read(task('b', 0))])).toEqual(['a', 'b'])
  expect(log).toEqual(['a begins', 'b begins', 'b ends', 'a ends'])
})

test('a write waits for the reads before it, and the reads after it wait for the write', async () => {
  const queue = readWriteQueue()
  const { log, task } = tasks()
  await Promise.all([queue.read(task('read', 3)), queue.write(task('write', 2)), queue.read(task('next', 0))])
  expect(log).toEqual(['read begins', 'read ends', 'write begins', 'write ends', 'next begins', 'next ends'])
})

test('writes run one after the other, in order', async () => {
  const queue = readWriteQueue()
  const { log, task } = tasks()
  await Promise.all([queue.write(task('a', 3)), queue.write(task('b', 0))])
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
})

test('a task never begins in the turn of its caller', async () => {
  const queue = readWriteQueue()
  const { log, task } = tasks()
  const both = [queue.read(task('read', 0)), queue.write(task('write', 0))]
  expect(log).toEqual([])
  await Promise.all(both)
})

test('a failure goes to the caller of its task, and stops neither reads nor writes', async () => {
  const queue = readWriteQueue()
  const fails = () => Promise.reject(new Error('why'))
  const throws = () => {
    throw new Error('at once')
  }
  const failed = [queue.read(fails), queue.write(fails), queue.read(throws), queue.write(throws)]
  const next = [queue.read(async () => 'read'), queue.write(async () => 'written')]
  const outcomes = await Promise.allSettled(failed)
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected'])
  expect(await Promise.all(next)).toEqual(['read', 'written'])
})

test('in any order of calls all tasks run, and no write runs beside another task', async () => {
  const call = fc.record({ isWrite: fc.boolean(), turns: fc.nat(3), pause: fc.nat(2), fails: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 4, maxLength: 20 }), async (calls) => {
      const queue = readWriteQueue()
      const running: boolean[] = []
      const ended: number[] = []
      const all: Promise<unknown>[] = []
      for (const [index, { isWrite, turns, pause, fails }] of calls.entries()) {
        const run = async () => {
          expect(isWrite ? running : running.filter(Boolean)).toEqual([])
          running.push(isWrite)
          for (let turn = 0; turn < turns; turn++) await nextTurn()
          running.splice(running.indexOf(isWrite), 1)
          ended.push(index)
          if (fails) throw new Error('wanted')
        }
        const done = isWrite ? queue.write(run) : queue.read(run)
        all.push(fails ? expect(done).rejects.toThrow('wanted') : done)
        for (let turn = 0; turn < pause; turn++) await nextTurn()
      }
      await Promise.all(all)
      const isInOrder = ended.filter((index) => calls[index]?.isWrite)
      expect(isInOrder).toEqual(isInOrder.toSorted((a, b) => a - b))
      expect(ended).toHaveLength(calls.length)
    }),
    { numRuns: 100 },
  )
})

test('what was read is not kept until the next write: it may be keys', async () => {
  const queue = readWriteQueue()
  const read: WeakRef<object>[] = []
  for (let reads = 0; reads < 100; reads++) read.push(new WeakRef(await queue.read(async () => ({ secret: true }))))
  await nextTurn()
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  // The last one may still be on the stack.
  expect(read.filter((each) => each.deref()).length).toBeLessThan(5)
})
