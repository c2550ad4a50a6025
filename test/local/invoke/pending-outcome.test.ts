import { expect, onTestFinished, test, vi } from 'vitest'
import type { Outcome } from '../../../local/invoke/outcome.ts'
import { pendingOutcome } from '../../../local/invoke/pending-outcome.ts'

const succeeded = (value: unknown): Outcome => ({ status: 'succeeded', value })

function pending() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const timeouts: string[] = []
  const { next, settle } = pendingOutcome()
  return { next: () => next(100, () => timeouts.push('timeout')), settle, timeouts }
}

test('an outcome in time is the answer, and ends the time limit', async () => {
  const { next, settle, timeouts } = pending()
  const answer = next()
  settle(succeeded(1))
  vi.advanceTimersByTime(100)
  expect(await answer).toEqual(succeeded(1))
  expect(timeouts).toEqual([])
})

test('a time limit that is over calls for an outcome', () => {
  const { next, timeouts } = pending()
  void next()
  vi.advanceTimersByTime(99)
  expect(timeouts).toEqual([])
  vi.advanceTimersByTime(1)
  expect(timeouts).toEqual(['timeout'])
})

test('an outcome that nobody waits for is not the next one', async () => {
  const { next, settle } = pending()
  settle(succeeded('early'))
  const answer = next()
  settle(succeeded('awaited'))
  settle(succeeded('late'))
  expect(await answer).toEqual(succeeded('awaited'))
})
