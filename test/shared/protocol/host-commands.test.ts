import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { HostCommand, queueBody, WatchdogMessage } from '#shared/protocol/host-commands.ts'

const command = { companyId: '1001', correlationId: 'c1', fence: 3, attemptId: 'a1' }
const wake = { companyId: '1001', correlationId: 'c1', due: 1_700_000_000_000 }

test('what is sent is what arrives', () => {
  expect(v.parse(queueBody(HostCommand), JSON.stringify(command))).toEqual(command)
  const { attemptId: _, ...reset } = command
  expect(v.parse(queueBody(HostCommand), JSON.stringify(reset))).toEqual(reset)
  expect(v.parse(queueBody(WatchdogMessage), JSON.stringify(wake))).toEqual(wake)
})

test('what another build says besides is left out of a command, and kept in a message that may be sent again', () => {
  expect(v.parse(queueBody(HostCommand), JSON.stringify({ ...command, deadline: 1_700_000_000_000 }))).toEqual(command)
  const newer = { ...wake, newer: { of: ['a newer build'] } }
  expect(v.parse(queueBody(WatchdogMessage), JSON.stringify(newer))).toEqual(newer)
})

describe('a message that is not of the schema goes to the dead letters (R32)', () => {
  test.each([
    ['', HostCommand],
    ['{}', HostCommand],
    [JSON.stringify({ ...command, companyId: 'C#1' }), HostCommand],
    [JSON.stringify({ ...command, companyId: 'x'.repeat(65) }), HostCommand],
    [JSON.stringify({ ...command, fence: '3' }), HostCommand],
    [JSON.stringify({ ...command, fence: 1.5 }), HostCommand],
    [JSON.stringify({ ...command, attemptId: 7 }), HostCommand],
    [JSON.stringify({ ...command, correlationId: 'x'.repeat(129) }), HostCommand],
    [JSON.stringify({ ...wake, due: 'soon' }), WatchdogMessage],
    [JSON.stringify([wake]), WatchdogMessage],
  ])('%s', (body, schema) => {
    expect(() => v.parse(queueBody(schema), body)).toThrow()
  })
})
