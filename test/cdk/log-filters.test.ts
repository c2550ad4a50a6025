/** The metric filters on logs, and lines of the shapes that Lambda and API Gateway write. */
import { describe, expect, it } from 'vitest'
import { tokenCheckFailed } from '#shared/telemetry/metric-names.ts'
import { logFilter } from '../support/log-filter.ts'
import { pathOf, resources, synthesize } from './synthesize.ts'

const { controlPlane } = synthesize('prod')

function filterAt(path: string) {
  const found = Object.values(resources(controlPlane, 'AWS::Logs::MetricFilter')).find((each) =>
    pathOf(each).startsWith(path),
  )
  return logFilter(found!.Properties.FilterPattern)
}

/** Lambda's report of an invocation, as its JSON logs have it. */
const report = (status: string, errorType?: string, type = 'platform.report') => ({
  time: '2026-11-28T10:00:00.000Z',
  type,
  record: {
    requestId: '6f7f0961-f835-4ee5-b6a6-d6f2b1e4a8c1',
    metrics: { durationMs: 10_000, billedDurationMs: 10_000, memorySizeMB: 512, maxMemoryUsedMB: 90 },
    status,
    ...(errorType && { errorType }),
  },
})
const ours = (level: string, message: string) => ({ time: '', level, message, component: 'authorizer' })

describe('of the authorizer counts as a failure', () => {
  const counts = filterAt('Functions/Authorizer/')

  it.each([
    ['a time-out', report('timeout')],
    ['a crash', report('error', 'Runtime.ExitError')],
    ['a crash, as the emulator of the runtime words it', report('failure', 'Runtime.ExitError')],
    ['a bundle that does not load', report('error', 'Runtime.ImportModuleError')],
    ['our own failure', ours('error', tokenCheckFailed)],
  ])('%s', (_, line) => expect(counts(JSON.stringify(line))).toBe(true))

  it.each([
    ['a report of success', report('success')],
    ['a refused token, which the handler throws', report('error', 'Error')],
    ['the same, as the emulator of the runtime words it', report('error', 'Runtime.Unknown')],
    ['the log line of the same', { level: 'ERROR', message: { errorType: 'Error', errorMessage: 'Unauthorized' } }],
    ['another line of ours', ours('warn', 'Could not report to Sentry')],
    ['the second record of a time-out, since one is enough', report('timeout', undefined, 'platform.runtimeDone')],
  ])('%s does not', (_, line) => expect(counts(JSON.stringify(line))).toBe(false))

  it('no line that is no JSON', () => expect(counts('Task timed out after 10.00 seconds')).toBe(false))

  it('what Lambda writes at the level that the template names', () => {
    for (const { Properties } of Object.values(resources(controlPlane, 'AWS::Lambda::Function')))
      expect(Properties.LoggingConfig).toMatchObject({ LogFormat: 'JSON', SystemLogLevel: 'INFO' })
  })
})

describe('of the WebSocket API counts as a connection without a place', () => {
  const counts = filterAt('WebSocket/RefusedLines')

  it.each([
    ['our refusal', { eventType: 'CONNECT', status: '429', errorType: '-' }, true],
    ['a refusal of API Gateway', { eventType: 'CONNECT', status: '429', errorType: 'THROTTLED' }, false],
    ['a message', { eventType: 'MESSAGE', status: '429', errorType: '-' }, false],
    ['a failure', { eventType: 'CONNECT', status: '503', errorType: '-' }, false],
  ])('%s', (_, line, expected) => expect(counts(JSON.stringify(line))).toBe(expected))
})

describe('of the WebSocket API counts as throttled', () => {
  const counts = filterAt('WebSocket/ThrottledLines')
  const line = (fields: object) => JSON.stringify({ eventType: 'MESSAGE', status: '200', errorType: '-', ...fields })

  it.each([
    ['a message that is answered 429', line({ status: '429' })],
    ['whatever API Gateway itself calls throttled', line({ eventType: '-', status: '-', errorType: 'THROTTLED' })],
  ])('%s', (_, text) => expect(counts(text)).toBe(true))

  it.each([
    ['a message that is served', line({})],
    ['a connection that we refuse for want of a place', line({ eventType: 'CONNECT', status: '429' })],
    ['a token that is refused', line({ eventType: 'CONNECT', status: '401', errorType: 'UNAUTHORIZED' })],
  ])('%s does not', (_, text) => expect(counts(text)).toBe(false))
})

describe('of the HTTP API counts as throttled', () => {
  const counts = filterAt('Http/ThrottledLines')

  it.each([
    [{ status: '429', integrationStatus: '-' }, true],
    [{ status: '429', integrationStatus: '429' }, false],
    [{ status: '200', integrationStatus: '200' }, false],
  ])('%j: %s', (line, expected) => expect(counts(JSON.stringify(line))).toBe(expected))
})

describe('of the HTTP API counts as failed', () => {
  const counts = filterAt('Http/FailedLines')

  it.each([
    ['a function that throws', { status: '500', integrationStatus: '500' }, true],
    ['a function that is too slow for API Gateway', { status: '503', integrationStatus: '-' }, true],
    ['a function that API Gateway may not call', { status: '500', integrationStatus: '-' }, true],
    ['an answer that is no answer', { status: '502', integrationStatus: '200' }, true],
    ['a refusal with a code of ours', { status: '503', integrationStatus: '503' }, false],
    ['a bad request', { status: '400', integrationStatus: '400' }, false],
  ])('%s', (_, line, expected) => expect(counts(JSON.stringify(line))).toBe(expected))
})

describe('the access logs', () => {
  it('have the fields that the filters read', () => {
    const formats = Object.values(resources(controlPlane, 'AWS::ApiGatewayV2::Stage')).map(({ Properties }) =>
      JSON.parse(Properties.AccessLogSettings.Format),
    )
    expect(formats).toContainEqual(
      expect.objectContaining({
        eventType: '$context.eventType',
        status: '$context.status',
        errorType: '$context.error.responseType',
      }),
    )
    expect(formats).toContainEqual(
      expect.objectContaining({ status: '$context.status', integrationStatus: '$context.integration.status' }),
    )
  })
})
