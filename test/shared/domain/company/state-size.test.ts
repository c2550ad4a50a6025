/** The largest state that clients can produce: each write of STATE costs a unit per KB (R67). */
import { expect, test } from 'vitest'
import { acceptAttempt } from '#shared/domain/attempt/acceptance.ts'
import { timeOut } from '#shared/domain/attempt/deadlines.ts'
import { commitLink, prepareLink } from '#shared/domain/attempt/link.ts'
import { issueCode, requestPairing } from '#shared/domain/attempt/pairing.ts'
import type { Waiting } from '#shared/domain/company/attempt.ts'
import { swept } from '#shared/domain/company/cleanup.ts'
import { type CompanyState, emptyCompany } from '#shared/domain/company/company.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { sessionConnected } from '#shared/domain/session/session.ts'
import { parseClientMessage } from '#shared/protocol/client-messages.ts'
import { host } from '../build.ts'

const maxBytes = 32 * 1024
/** Length of a ULID, and of a data key that KMS has wrapped, in base64. */
const [idLength, keyLength] = [26, 248]
const nameOf = (n: number) => String(n).padStart(idLength, '0')

/** Bytes of a value in DynamoDB: names and values, 3 for each map or list, and 1 for each thing in it. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 2
  if (typeof value !== 'object' || value === null) return 1
  const entries = Object.entries(value)
  const names = Array.isArray(value) ? 0 : entries.reduce((sum, [name]) => sum + Buffer.byteLength(name), 0)
  return 3 + names + entries.reduce((sum, [, each]) => sum + 1 + bytesOf(each), 0)
}

/** Requests of API Gateway's connections, with the longest ids that the schema lets through. */
const waiting = (n: number): Waiting => ({ connectionId: 'x'.repeat(16), requestId: String(n).padStart(128, 'x') })

const phones = ['79001234567', '79161234567'] as const

function ask(state: CompanyState, n: number, phone: string, now: number) {
  const ticket = [phone, 'company'].map((key) => ({ key: key.padEnd(43, 'k'), at: now }))
  const request = { attemptId: nameOf(n), method: 'code', phone, correlationId: 'c'.repeat(128), ticket } as const
  return requestPairing(state, { ...request, deadline: now + 20_000, waiting: waiting(n) }, now)
}

/** Links a phone as a host does. Undefined when the request is refused. */
function linkPhone(before: CompanyState, n: number, now: number): CompanyState | undefined {
  const { state, outcome } = ask(before, n, phones[0], now)
  if (outcome.kind !== 'started') return undefined
  const ref = { attemptId: outcome.attempt.attemptId, fence: state.fence, owner: host }
  const issued = { shown: { code: 'ABCD-EFGH' }, expiresAt: now + 150_000, socketUntil: now + 160_000 }
  const link = { generation: nameOf(n), wrappedKey: 'k'.repeat(keyLength), phone: phones[0] }
  const accepted = acceptAttempt(state, ref, 'replace', now).state
  const prepared = prepareLink(issueCode(accepted, ref, issued, now).state, ref, link, now).state
  const committed = commitLink(prepared, ref, link, now).state
  return sessionConnected(committed, { generation: link.generation, owner: host }, now).state
}

type Sweeps = 'none' | 'one each'

/** Links and resets, with as many codes as the budget has, and no host that removes a device in time. */
function resetOverAndOver(times: number, sweeps: Sweeps, look: (state: CompanyState, now: number) => void) {
  let state: CompanyState = emptyCompany
  let now = Date.UTC(2026, 0, 1)
  for (let n = 1; n <= times; n++) {
    // Ten codes in a moment, ten minutes apart.
    now += n % 10 === 1 ? 600_000 - 9_000 : 1_000
    const timed = timeOut(state, now).state
    const linked = linkPhone(timed, n, now)
    state = linked ? resetCredentials(linked, [], now).state : timed
    look(state, now)
    if (sweeps === 'none') continue
    for (const { generation, unlink, sweeps: done } of state.cleanup)
      if (unlink !== 'pending' && done === 0) state = swept(state, generation).state
  }
  return state
}

/** Adds all resets that may wait, and then a pairing on which all requests wait that may. */
function filled(before: CompanyState, now: number): CompanyState {
  let state = before
  for (let n = 0; n < 100; n++) state = resetCredentials(state, [waiting(n)], now).state
  for (let n = 0; n < 100; n++) state = ask(state, 5_000 + n, phones[1], now).state
  return state
}

test.each<Sweeps>(['none', 'one each'])('a day of links and resets keeps the list short, with sweeps: %s', (sweeps) => {
  const lengths: number[] = []
  const state = resetOverAndOver(1440, sweeps, ({ cleanup }) => lengths.push(cleanup.length))
  expect(Math.max(...lengths)).toBeGreaterThanOrEqual(40)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(46)
  // Entries that were swept give way, so that the last link was made.
  expect(state.cleanup.at(-1)?.generation === nameOf(1440)).toBe(sweeps === 'one each')
})

test('while nothing is swept, no further link is made', () => {
  const state = resetOverAndOver(60, 'none', () => undefined)
  const { outcome } = ask(state, 9_999, phones[0], Date.UTC(2026, 0, 3))
  expect(outcome).toEqual({ kind: 'refused', failure: { code: 'BUSY', retryAfter: 60 } })
})

test.each<Sweeps>(['none', 'one each'])('the largest state has less than 32 KB, with sweeps: %s', (sweeps) => {
  const states: CompanyState[] = []
  resetOverAndOver(100, sweeps, (state, now) => states.push(filled(state, now)))
  const pending = (state: CompanyState) => state.cleanup.filter(({ unlink }) => unlink === 'pending')
  const [largest] = states.toSorted((a, b) => bytesOf(b) - bytesOf(a))
  // As large as clients can make it: all places to wait are taken, and a minute's worth of devices is being removed.
  expect(largest?.attempt?.waiting).toHaveLength(50)
  expect(largest?.cleanup.at(-1)?.waiting).toHaveLength(50)
  expect(pending(largest!).length).toBeGreaterThanOrEqual(3)
  expect(bytesOf(largest)).toBeGreaterThan(20_000)
  expect(bytesOf(largest)).toBeLessThan(maxBytes)
})

test('no longer request id is let through', () => {
  const withId = (requestId: string) => parseClientMessage(JSON.stringify({ action: 'ping', requestId })).ok
  expect(withId('x'.repeat(128))).toBe(true)
  expect(withId('ж'.repeat(64))).toBe(true)
  expect(withId('x'.repeat(129))).toBe(false)
  expect(withId('ж'.repeat(65))).toBe(false)
})
