import { expect, test } from 'vitest'
import { issueCode, requestPairing } from '#shared/domain/attempt/pairing.ts'
import { emptyCompany } from '#shared/domain/company/company.ts'
import type { Counts } from '#shared/domain/metrics/metrics.ts'
import { sessionEnded } from '#shared/domain/session/session.ts'
import { createMeter } from '#shared/telemetry/metrics.ts'
import { observedCompanyStore } from '#shared/telemetry/observed-store.ts'
import { memoryCompanyStore } from '../../fakes/memory-company-store.ts'
import { recordingLog } from '../../fakes/recording-log.ts'
import { aRequest, code, codeIssued, connecting, linked, refOf, seconds, sessionOf, start } from '../domain/build.ts'

function setUp() {
  const lines: Record<string, unknown>[] = []
  const added: Counts[] = []
  const log = recordingLog()
  const table = { isAway: false }
  const meter = createMeter({
    namespace: 'Pairplane/test',
    clock: () => start,
    log,
    write: (line) => lines.push(JSON.parse(line)),
    store: {
      async add(counts) {
        if (table.isAway) throw new Error('away')
        added.push(counts)
      },
    },
  })
  return { meter, lines, added, log, table }
}

const about = { companyId: '1001', attemptId: 'attempt-1', correlationId: 'correlation-1' }

test('a decision becomes one line in the embedded metric format, without dimensions', () => {
  const { meter, lines } = setUp()
  meter.observe({ companyId: '1001', before: connecting(), after: codeIssued(), now: seconds(3) })
  expect(lines).toEqual([
    {
      ...about,
      CodeIssued: 1,
      TimeToCode: 3000,
      _aws: {
        Timestamp: start,
        CloudWatchMetrics: [
          {
            Namespace: 'Pairplane/test',
            Dimensions: [[]],
            Metrics: [
              { Name: 'CodeIssued', Unit: 'Count' },
              { Name: 'TimeToCode', Unit: 'Milliseconds' },
            ],
          },
        ],
      },
    },
  ])
})

test('a refusal carries its code as the only dimension', () => {
  const { meter, lines } = setUp()
  meter.refused('STORE_UNAVAILABLE', about)
  expect(lines).toMatchObject([
    {
      ...about,
      code: 'STORE_UNAVAILABLE',
      PairingFailed: 1,
      _aws: { CloudWatchMetrics: [{ Dimensions: [['code']] }] },
    },
  ])
})

test('no phone gets into a line', () => {
  const { meter, lines } = setUp()
  meter.measure('sessions', 3, { note: 'for 79001234567' })
  expect(lines).toMatchObject([{ Sessions: 3, note: 'for 79001***567' }])
})

test('counters of several decisions are written together, once', async () => {
  const { meter, added } = setUp()
  const requested = requestPairing(emptyCompany, aRequest(), start).state
  meter.observe({ companyId: '1001', before: emptyCompany, after: requested, now: start })
  meter.observe({ companyId: '1001', before: connecting(), after: codeIssued(), now: seconds(3) })
  await meter.flush()
  await meter.flush()
  expect(added).toEqual([
    { requested: 1, 'time_to_code_ms.le.3000': 1, 'time_to_code_ms.sum': 3000, 'time_to_code_ms.count': 1 },
  ])
})

test('counters that could not be written are logged, and written the next time', async () => {
  const { meter, added, log, table } = setUp()
  const requested = requestPairing(emptyCompany, aRequest(), start).state
  table.isAway = true
  meter.observe({ companyId: '1001', before: emptyCompany, after: requested, now: start })
  await meter.flush()
  table.isAway = false
  await meter.flush()
  expect(added).toEqual([{ requested: 1 }])
  expect(log.lines).toMatchObject([{ level: 'warn' }])
})

test('of decisions that collide each is seen once, on the state that it was made on', async () => {
  const seen: [number, number][] = []
  const store = observedCompanyStore(
    memoryCompanyStore(() => start, 1),
    ({ before, after }) => void seen.push([before.fence, after.fence]),
  )
  const raise = () =>
    store.decide('c1', (state) => ({ state: { ...state, fence: state.fence + 1 }, notices: [], outcome: 0 }))
  await Promise.all([raise(), raise(), raise()])
  await store.decide('c1', (state) => ({ state, notices: [], outcome: 0 }))
  expect(seen).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
  ])
})

test('a stale decision changes and counts nothing', () => {
  const { meter, lines } = setUp()
  const state = codeIssued()
  const late = issueCode(state, refOf(state), code, seconds(2))
  meter.observe({ companyId: '1001', before: state, after: late.state, now: seconds(9) })
  expect(lines).toEqual([])
})

test.each([
  ['CLIENT_OUTDATED', true],
  ['INTERNAL', true],
  ['SESSION_REPLACED', true],
  ['ACCOUNT_RESTRICTED', false],
  ['WHATSAPP_UNAVAILABLE', false],
] as const)('a session that stops with %s counts as a failure for the alarms: %s', (failure, isCounted) => {
  const { meter, lines } = setUp()
  const before = linked()
  const end = { code: failure, how: 'stopped' } as const
  const after = sessionEnded(before, sessionOf(before), end, seconds(50)).state
  meter.observe({ companyId: '1001', before, after, now: seconds(50) })
  expect(lines.map(({ code: counted }) => counted)).toEqual(isCounted ? [failure] : [])
})
