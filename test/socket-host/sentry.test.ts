import { afterAll, beforeAll, expect, test } from 'vitest'
import { type HostReporter, hostReporter } from '../../socket-host/sentry.ts'
import { recordingLog } from '../fakes/recording-log.ts'
import { type SentryIngest, sentryIngest } from '../shared/support/sentry-ingest.ts'

let ingest: SentryIngest
let reporter: HostReporter
beforeAll(async () => {
  ingest = await sentryIngest()
  reporter = hostReporter({ dsn: ingest.dsn, release: '1.2.3', environment: 'test' })
})
afterAll(() => ingest.stop())

test('error lines are reported with the fields of their log; warnings are not', async () => {
  const plain = recordingLog()
  const log = reporter
    .reporting(plain)
    .child({ hostId: 'host-1' })
    .child(() => ({ correlationId: 'c1' }))
  log.info('nothing')
  log.warn('a trifle', { error: new Error('not this one') })
  log.error('Could not flush the keys', { companyId: '1001', error: new Error('for 79001234567@s.whatsapp.net') })
  log.error('Could not close the sockets of the shard', { shard: 3 })
  await reporter.flush(2_000)
  expect(plain.lines.map(({ level }) => level)).toEqual(['info', 'warn', 'error', 'error'])
  expect(ingest.events).toHaveLength(2)
  expect(ingest.events[0]).toMatchObject({
    release: '1.2.3',
    tags: { component: 'socket-host' },
    contexts: { pairplane: { hostId: 'host-1', correlationId: 'c1', companyId: '1001' } },
    exception: { values: [{ type: 'Error', value: expect.stringContaining('79001***567') }] },
  })
  expect(ingest.events[1]).toMatchObject({
    exception: { values: [{ value: 'Could not close the sockets of the shard' }] },
  })
  expect(ingest.texts.join()).not.toMatch(/79001234567|server_name|not this one/)
})

test('closing sends the pending reports', async () => {
  reporter.error(new Error('the last one'), {})
  await reporter.close(2_000)
  expect(ingest.texts.at(-1)).toContain('the last one')
})

test('the reporter installs no handler of its own for unexpected errors', () => {
  expect(process.listeners('uncaughtException').map(String).join()).not.toMatch(/sentry/i)
})
