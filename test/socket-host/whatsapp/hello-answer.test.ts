import { expect, test } from 'vitest'
import type { Failure } from '#shared/domain/values/errors.ts'
import { helloClosed, helloRefusal, helloUnanswered } from '../../../socket-host/whatsapp/hello-answer.ts'

const answers: readonly (readonly [number, Failure])[] = [
  [400, { code: 'CLIENT_REJECTED' }],
  [403, { code: 'CLIENT_REJECTED' }],
  [404, { code: 'INVALID_PHONE' }],
  [429, { code: 'RATE_LIMITED', retryAfter: 600 }],
  [452, { code: 'CLIENT_REJECTED', action: 'use-qr' }],
  [500, { code: 'WHATSAPP_UNAVAILABLE' }],
  [503, { code: 'WHATSAPP_UNAVAILABLE' }],
  [418, { code: 'CLIENT_REJECTED' }],
  [Number.NaN, { code: 'CLIENT_REJECTED' }],
]

test.each(answers)('companion_hello answered with %d', (code, failure) => {
  expect(helloRefusal(code)).toEqual(failure)
})

test('a close means WHATSAPP_UNAVAILABLE, no answer PAIRING_TIMEOUT', () => {
  expect([helloClosed.code, helloUnanswered.code]).toEqual(['WHATSAPP_UNAVAILABLE', 'PAIRING_TIMEOUT'])
})
