import { expect, test } from 'vitest'
import { createLog, type LogOptions } from '#shared/telemetry/log.ts'
import { withLogFields } from '#shared/telemetry/log-fields.ts'

function setUp(options: Pick<LogOptions, 'level'> = {}) {
  const lines: string[] = []
  const log = createLog('message', { ...options, clock: () => 0, write: (line) => lines.push(line) })
  return { log, parsed: () => lines.map((line) => JSON.parse(line)), lines }
}

test('a line is one JSON object with time, level, message and component', () => {
  const { log, lines, parsed } = setUp()
  log.info('Code issued', { companyId: '1001', n: 1 })
  expect(lines[0]).not.toContain('\n')
  expect(parsed()).toEqual([
    {
      time: '1970-01-01T00:00:00.000Z',
      level: 'info',
      message: 'Code issued',
      component: 'message',
      companyId: '1001',
      n: 1,
    },
  ])
})

test('lines below the level are left out', () => {
  const { log, parsed } = setUp({ level: 'warn' })
  for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level)
  expect(parsed().map(({ level }) => level)).toEqual(['warn', 'error'])
})

test('debug is off unless asked for', () => {
  const { log, lines } = setUp()
  log.debug('x')
  expect(lines).toEqual([])
})

test('a child carries its fields, and its children theirs too', () => {
  const { log, parsed } = setUp()
  const child = log.child({ correlationId: 'c1' }).child({ companyId: '1' })
  child.info('a', { companyId: '2' })
  log.info('b')
  expect(parsed()).toMatchObject([{ correlationId: 'c1', companyId: '2' }, { message: 'b' }])
  expect(parsed()[1]).not.toHaveProperty('correlationId')
})

test('no field takes the place of level, time, message or component', () => {
  const { log, parsed } = setUp()
  log.error('real', { level: 'info', message: 'false', time: 'never', component: 'other' })
  expect(parsed()[0]).toMatchObject({
    level: 'error',
    message: 'real',
    component: 'message',
    time: '1970-01-01T00:00:00.000Z',
  })
})

test('message and fields are redacted', () => {
  const { log, lines } = setUp()
  log.child({ phone: '79001234567' }).warn('for 79001234567', { code: 'ABCD-EFGH', error: new Error('79001234567') })
  expect(lines[0]).not.toMatch(/79001234567|ABCD-EFGH/)
  expect(lines[0]).toContain('79001***567')
})

test.each(['12345678', '123456789', 'ABCDEFGH', 'AB12-CD34', 'salon_12345678'])(
  'a company is found by its id, whatever that looks like: %s',
  (companyId) => {
    const { log, parsed } = setUp()
    log.info('Message', { companyId, other: companyId })
    expect(parsed()[0]).toMatchObject({ companyId, other: expect.stringContaining('*') })
  },
)

test('a companyId that looks like a phone is masked as one: it may be one', () => {
  const { log, lines, parsed } = setUp()
  log.info('Message', { companyId: '79001234567', correlationId: 'c1' })
  expect(parsed()[0]).toMatchObject({ companyId: '79001***567', correlationId: 'c1' })
  expect(lines[0]).not.toContain('79001234567')
})

test('fields that change are asked for at each line, by children too', () => {
  const { log, parsed } = setUp()
  let correlationId = 'c1'
  const child = log.child(() => ({ correlationId })).child({ companyId: '1' })
  child.info('a')
  correlationId = 'c2'
  child.info('b')
  expect(parsed()).toMatchObject([
    { correlationId: 'c1', companyId: '1' },
    { correlationId: 'c2', companyId: '1' },
  ])
})

test('within a request every log has its fields, also one that was made before it, and none after it', async () => {
  const { log, parsed } = setUp()
  await withLogFields({ correlationId: 'c1' }, async () => {
    await Promise.resolve()
    withLogFields({ companyId: '1' }, () => log.info('inside'))
  })
  log.info('outside')
  expect(parsed()[0]).toMatchObject({ correlationId: 'c1', companyId: '1' })
  expect(parsed()[1]).not.toHaveProperty('correlationId')
})
