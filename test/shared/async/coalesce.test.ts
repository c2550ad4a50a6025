import { describe, expect, it } from 'vitest'
import { coalesce } from '#shared/async/coalesce.ts'

/** A task whose runs end when the test says so. */
function heldTask() {
  const runs: PromiseWithResolvers<void>[] = []
  const task = () => {
    const run = Promise.withResolvers<void>()
    runs.push(run)
    return run.promise
  }
  return { runs, task }
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a coalesced task', () => {
  it('runs once for all requests that come during a run', async () => {
    const { runs, task } = heldTask()
    const passes = coalesce(task)
    void passes.request()
    await turn()
    const [one, other] = [passes.request(), passes.request()]
    expect(passes.isRequested()).toBe(true)
    await turn()
    expect(runs).toHaveLength(1)
    runs[0]!.resolve()
    await turn()
    expect(runs).toHaveLength(2)
    expect(passes.isRequested()).toBe(false)
    runs[1]!.resolve()
    await Promise.all([one, other])
    expect(runs).toHaveLength(2)
  })

  it('rejects a request whose run fails, and runs again afterwards', async () => {
    const { runs, task } = heldTask()
    const passes = coalesce(task)
    const first = passes.request()
    await turn()
    const second = passes.request()
    runs[0]!.reject(new Error('no'))
    await expect(first).rejects.toThrow('no')
    await turn()
    runs[1]!.resolve()
    await second
  })

  it('has settled when the run under way has ended, well or not', async () => {
    const { runs, task } = heldTask()
    const passes = coalesce(task)
    await passes.settled()
    const failing = passes.request()
    await turn()
    let isSettled = false
    const settled = passes.settled().then(() => {
      isSettled = true
    })
    await turn()
    expect(isSettled).toBe(false)
    runs[0]!.reject(new Error('no'))
    await settled
    await expect(failing).rejects.toThrow('no')
  })
})
