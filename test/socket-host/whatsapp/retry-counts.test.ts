import { expect, test } from 'vitest'
import { keysAtOnce, maxRetries, retryCounts } from '../../../socket-host/whatsapp/retry-counts.ts'

/** Counts as Baileys does before each receipt. Returns the number of the receipt, or undefined when it sends none. */
function counter() {
  const clock = { now: 0 }
  const counts = retryCounts(() => clock.now)
  const next = (message: string) => {
    const count = counts.get<number>(message) ?? 0
    if (count < maxRetries) {
      counts.set(message, count + 1)
      return counts.get<number>(message)
    }
    counts.del(message)
    return undefined
  }
  return { clock, next }
}

const messages = Array.from({ length: 500 }, (_, index) => `message-${index}`)
const sent = (numbers: (number | undefined)[]) => numbers.filter((number) => number !== undefined).length

test('one message gets five receipts, and then none', () => {
  const { next } = counter()
  expect(Array.from({ length: 6 }, () => next('message'))).toEqual([1, 2, 3, 4, 5, undefined])
})

test('every message gets its first receipt, but of 500 second ones only the first few are sent', () => {
  const { next } = counter()
  expect(sent(messages.map(next))).toBe(500)
  const seconds = messages.map(next)
  expect(new Set(seconds)).toEqual(new Set([2, undefined]))
  expect(sent(seconds)).toBe(keysAtOnce)
})

test('a message whose second receipt was not sent begins anew, and later receipts are sent again', () => {
  const { clock, next } = counter()
  messages.map(next)
  messages.map(next)
  expect(next('message-499')).toBe(1)
  expect(next('message-499')).toBeUndefined()
  clock.now = 20_000
  expect([next('message-0'), next('message-1'), next('message-2')]).toEqual([3, 3, undefined])
  clock.now = 3_620_000
  expect(sent(messages.map(next))).toBe(500)
  expect(sent(messages.map(next))).toBe(keysAtOnce)
})
