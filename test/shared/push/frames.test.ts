import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Waiting } from '#shared/domain/company/attempt.ts'
import { answer, type Notice, notice } from '#shared/domain/company/company.ts'
import { numbersNeeded } from '#shared/domain/company/sequence.ts'
import type { Connection } from '#shared/ports.ts'
import { framesFor } from '#shared/push/frames.ts'

const at = Date.UTC(2026, 0, 1)
const aConnection = (connectionId: string, language: 'ru' | 'en' = 'en'): Connection => ({
  connectionId,
  companyId: 'company-1',
  language,
  connectedAt: at,
})
const waiting = (connectionId: string, requestId?: string): Waiting => ({
  connectionId,
  ...(requestId !== undefined && { requestId }),
})
const cancelled = { event: 'pairing-cancelled' } as const
const heard = (connectionId: string, notices: readonly Notice[], lastSeq: number) =>
  framesFor(aConnection(connectionId), { notices, lastSeq }, at).map(({ seq, requestId }) =>
    requestId === undefined ? `${seq}` : `${seq} ${requestId}`,
  )

describe('recipients and sequence numbers', () => {
  const ab = [waiting('a', 'r1'), waiting('b', 'r2'), waiting('a', 'r3')]
  test.each<[string, readonly Notice[], number, string, readonly string[]]>([
    ['nothing decided', [], 5, 'a', []],
    ['news for the company', [notice(cancelled)], 5, 'a', ['5']],
    ['an answer without recipients', [answer(cancelled, [])], 5, 'a', []],
    ['an answer to another', [answer(cancelled, [waiting('b', 'r2')])], 5, 'a', []],
    ['an answer', [answer(cancelled, [waiting('a', 'r1')])], 5, 'a', ['5 r1']],
    ['news that answers', [notice(cancelled, [waiting('a', 'r1')])], 5, 'a', ['5 r1']],
    ['news that answers another', [notice(cancelled, [waiting('b', 'r2')])], 5, 'a', ['5']],
    ['a request without an id', [notice(cancelled, [waiting('a')])], 5, 'a', ['5']],
    ['two requests of one connection', [notice(cancelled, ab)], 5, 'a', ['3 r1', '5 r3']],
    ['the other connection', [notice(cancelled, ab)], 5, 'b', ['4 r2']],
    ['a connection that does not wait', [notice(cancelled, ab)], 5, 'c', ['3']],
    [
      'several notices',
      [notice(cancelled), answer(cancelled, ab), notice(cancelled)],
      9,
      'a',
      ['5', '6 r1', '8 r3', '9'],
    ],
  ])('%s', (_name, notices, lastSeq, connectionId, expected) => {
    expect(heard(connectionId, notices, lastSeq)).toEqual(expected)
  })
})

test('a frame carries its company, its time and the reader’s language', () => {
  const failure = { code: 'INVALID_PHONE' } as const
  const numbered = { notices: [notice({ event: 'pairing-code-error' as const, failure })], lastSeq: 1 }
  const [russian] = framesFor(aConnection('a', 'ru'), numbered, at)
  expect(russian).toMatchObject({
    event: 'pairing-code-error',
    companyId: 'company-1',
    at: '2026-01-01T00:00:00.000Z',
    message: 'Номер не зарегистрирован в WhatsApp',
  })
  expect(framesFor(aConnection('a', 'en'), numbered, at)[0]).toMatchObject({
    message: 'This number is not registered in WhatsApp',
  })
})

const ids = ['a', 'b', 'c'] as const
const someWaiting = fc.record({ connectionId: fc.constantFrom(...ids, 'gone'), requestId: fc.string({ maxLength: 3 }) })
const someNotices = fc.array(
  fc.record({
    event: fc.constant(cancelled),
    waiting: fc.array(someWaiting, { maxLength: 4 }),
    audience: fc.constantFrom('company' as const, 'waiting' as const),
  }),
  { maxLength: 5 },
)

test('numbers grow on each connection, each request is answered once, and none leaves the range that was drawn', () => {
  fc.assert(
    fc.property(someNotices, fc.integer({ min: 20, max: 50 }), (notices, lastSeq) => {
      const all = ids.map((id) => framesFor(aConnection(id), { notices, lastSeq }, at))
      for (const frames of all) {
        const numbers = frames.map(({ seq }) => seq ?? Number.NaN)
        expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b))
        for (const seq of numbers) expect(seq > lastSeq - numbersNeeded(notices) && seq <= lastSeq).toBe(true)
      }
      const answered = all.flat().filter(({ requestId }) => requestId !== undefined)
      expect(new Set(answered.map(({ seq }) => seq)).size).toBe(answered.length)
      const asked = notices.flatMap((notice) => notice.waiting).filter(({ connectionId }) => connectionId !== 'gone')
      expect(answered.map(({ requestId }) => requestId).toSorted()).toEqual(
        asked.map(({ requestId }) => requestId).toSorted(),
      )
    }),
  )
})

test('news for the company reaches every connection at least once, answers only those that wait', () => {
  fc.assert(
    fc.property(someNotices, (notices) => {
      for (const id of ids) {
        const own = (notice: Notice) => notice.waiting.filter(({ connectionId }) => connectionId === id).length
        const expected = notices.map((notice) => Math.max(own(notice), notice.audience === 'company' ? 1 : 0))
        const sum = expected.reduce((total, count) => total + count, 0)
        expect(framesFor(aConnection(id), { notices, lastSeq: 100 }, at)).toHaveLength(sum)
      }
    }),
  )
})
