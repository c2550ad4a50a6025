import { expect, test } from 'vitest'
import { isTransient } from '#shared/dynamo/store-unavailable.ts'

const failure = (fields: object) => Object.assign(new Error('test'), fields)

test.each<[string, boolean, unknown]>([
  ['a throttle', true, failure({ name: 'ThrottlingException', $fault: 'client' })],
  ['an error of the service', true, failure({ $fault: 'server', $metadata: { httpStatusCode: 503 } })],
  ['a reset', true, failure({ code: 'ECONNRESET' })],
  ['a connection that was not established in time: nothing was sent', true, failure({ name: 'TimeoutError' })],
  ['a connection that the system gave up', true, failure({ code: 'ETIMEDOUT' })],
  ['a failed condition', false, failure({ name: 'ConditionalCheckFailedException', $fault: 'client' })],
  ['a bug', false, new TypeError('test')],
  ['something else', false, new Error('test')],
])('%s: another try may succeed: %s', (_, expected, error) => {
  expect(isTransient(error)).toBe(expected)
})
