import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { requestPairing } from '#shared/domain/attempt/pairing.ts'
import { createMeter } from '#shared/telemetry/metrics.ts'
import type { Reporter } from '#shared/telemetry/sentry.ts'
import { inRequest } from '../../../functions/telemetry/request-context.ts'
import { sentryReporter } from '../../../functions/telemetry/sentry.ts'
import { createTelemetry } from '../../../functions/telemetry/telemetry.ts'
import { recordingLog } from '../../fakes/recording-log.ts'
import { anotherPhone, aRequest, linked, phone, seconds } from '../../shared/domain/build.ts'
import { type SentryIngest, sentryIngest } from '../../shared/support/sentry-ingest.ts'

let ingest: SentryIngest
let reporter: Reporter

beforeAll(async () => {
  ingest = await sentryIngest()
  const settings = { dsn: ingest.dsn, release: '1.2.3', environment: 'test' }
  reporter = sentryReporter(settings, async () => 'a key for fingerprints')
})
beforeEach(() => {
  ingest.events.length = 0
  ingest.texts.length = 0
})
afterAll(() => ingest.stop())

const log = recordingLog()
const meter = createMeter({ namespace: 'n', clock: () => 0, log, write: () => {}, store: { add: async () => {} } })
const makeTelemetry = (loadReporter: (() => Promise<Reporter>) | undefined) =>
  createTelemetry({ meter, log, loadReporter })

const change = (attemptId: string, asked: string) => {
  const before = linked()
  const request = aRequest({ attemptId, phone: asked, correlationId: `correlation-${attemptId}` })
  const after = requestPairing(before, request, seconds(100)).state
  return { companyId: '1001', before, after, now: seconds(100) }
}

test('an unexpected error arrives with its stack and its context, without secrets', async () => {
  const telemetry = makeTelemetry(async () => reporter)
  const secrets = [
    '79001234567',
    'ABCD-EFGH',
    'eyJhbGciOiJIUzI1NiJ9.eyJjb21wYW55SWQi.c2lnbmF0dXJl',
    '79001234567@s.whatsapp.net',
  ]
  const error = new TypeError(`for ${secrets.join(' and ')}`, { cause: new Error(`phone ${secrets[0]}`) })
  telemetry.unexpected(error, { correlationId: 'c1', component: 'message', code: 'INTERNAL', note: secrets[0] })
  await telemetry.finish()
  expect(ingest.events).toHaveLength(1)
  expect(ingest.events[0]).toMatchObject({
    level: 'error',
    release: '1.2.3',
    environment: 'test',
    tags: { component: 'message', code: 'INTERNAL' },
    contexts: { pairplane: { correlationId: 'c1', note: '79001***567' } },
    exception: { values: [{ type: 'TypeError', value: expect.stringContaining('for 79001***567') }] },
  })
  const [text = ''] = ingest.texts
  for (const secret of secrets) expect(text).not.toContain(secret)
  expect(text).toContain('sentry.test.ts')
  for (const field of [
    'server_name',
    'breadcrumbs',
    'request',
    'user',
    'extra',
    'modules',
    'context_line',
    'vars',
    'argv',
  ])
    expect(text).not.toContain(`"${field}"`)
})

test('a phone change is one info message per company and phone, however often it is tried', async () => {
  const telemetry = makeTelemetry(async () => reporter)
  await inRequest({}, 'Mozilla/5.0 (test)', async () => {
    telemetry.observe(change('a1', anotherPhone))
    await telemetry.finish()
    telemetry.observe(change('a2', anotherPhone))
    telemetry.observe(change('a3', '79161234568'))
    await telemetry.finish()
  })
  expect(ingest.events).toHaveLength(3)
  expect(ingest.events[0]).toMatchObject({
    level: 'info',
    message: 'Another phone was asked for than the one that is linked',
    tags: { mismatch_type: 'another_phone_requested', was_linked: 'true' },
    contexts: {
      phone_change: {
        mismatch_type: 'another_phone_requested',
        stored_phone: '79001***567',
        requested_phone: '79161***567',
        credential_age_seconds: 68,
        last_connected_at: '2026-01-01T00:00:35.000Z',
        was_linked: true,
        steps_before: ['code connected'],
      },
      pairplane: { companyId: '1001', correlationId: 'correlation-a1', userAgent: 'Mozilla/5.0 (test)' },
    },
  })
  const fingerprints = ingest.events.map(({ fingerprint }) => fingerprint?.join(' '))
  expect(fingerprints[0]).toMatch(/^phone-change [0-9a-f]{32}$/)
  expect(fingerprints[1]).toBe(fingerprints[0])
  expect(fingerprints[2]).not.toBe(fingerprints[0])
  for (const text of ingest.texts) {
    expect(text).not.toContain(phone)
    expect(text).not.toContain(anotherPhone)
  }
})

test('without a DSN nothing is loaded', async () => {
  const telemetry = makeTelemetry(undefined)
  telemetry.unexpected(new Error('x'), {})
  telemetry.observe(change('a1', anotherPhone))
  await telemetry.finish()
  expect(ingest.texts).toEqual([])
})

test('a reporter that cannot be loaded, or hangs, does not fail a request', async () => {
  const broken = makeTelemetry(async () => {
    throw new Error('no such chunk')
  })
  broken.unexpected(new Error('x'), {})
  await broken.finish()
  expect(log.lines.at(-1)).toMatchObject({ level: 'warn', message: 'Could not report to Sentry' })
  const hanging = makeTelemetry(() => new Promise(() => {}))
  hanging.unexpected(new Error('x'), {})
  const within = Promise.race([hanging.finish().then(() => 'finished'), pause(5_000, 'too late', { ref: false })])
  expect(await within).toBe('finished')
})
