import { expect, test } from 'vitest'
import { failureRecord, storeFailed, writeFailure } from '../../../../socket-host/whatsapp/credentials/store-failure.ts'

test.each<[string, () => Promise<'written' | 'fenced'>, string | undefined]>([
  ['a write that succeeds is no failure', async () => 'written', undefined],
  [
    'a write of a host that has lost the credentials closes its socket without an alarm',
    async () => 'fenced',
    'closed',
  ],
  ['a write that throws loses the socket', () => Promise.reject(new Error('away')), 'lost'],
])('%s', async (_fact, write, reason) => {
  expect((await writeFailure(write()))?.close.reason).toBe(reason)
})

test('each failure is reported to the socket that is attached, and the first one is kept for the next flush', () => {
  const record = failureRecord()
  const [first, second, third] = [storeFailed('a'), storeFailed('b'), storeFailed('c')]
  const reports: unknown[] = []
  expect(record.add(first)).toBe(first.error)
  expect(record.first()).toBe(first)
  record.restart((failure) => reports.push(failure))
  expect(record.first()).toBeUndefined()
  record.add(second)
  record.add(third)
  expect(record.first()).toBe(second)
  expect(reports).toEqual([second, third])
})
