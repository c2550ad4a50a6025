import { expect, test } from 'vitest'
import { type Frame, linesFor } from '../../../local/cli/pair-display.ts'

test.each<[Frame, string[]]>([
  [{ event: 'pairing-started', phoneNumber: '79001234567' }, ['Asking WhatsApp to link +79001234567 …']],
  [{ event: 'pairing-started' }, ['Asking WhatsApp for a QR …']],
  [{ event: 'whatsapp-connected', phoneNumber: '79001234567' }, ['connected +79001234567']],
  [{ event: 'pairing-progress', state: 'something new' }, ['something new']],
  [
    { event: 'pairing-code-error', code: 'RATE_LIMITED', message: 'Please wait', action: 'wait', retryAfter: 60 },
    ['RATE_LIMITED: Please wait', 'Wait, then run the command again. Retry after 60 s.'],
  ],
  [
    { event: 'error', code: 'BAD_REQUEST', message: 'Bad request', reason: 'phoneNumber is missing' },
    ['BAD_REQUEST: Bad request: phoneNumber is missing'],
  ],
  [{ event: 'pong' }, []],
])('%j', (frame, lines) => {
  expect(linesFor(frame)).toEqual(lines)
})

test('a code stands in large letters and once as it is', () => {
  const lines = linesFor({ event: 'pairing-code', code: 'ABCD-EFGH' })
  expect(lines).toContain('  ABCD-EFGH')
  expect(lines.join('\n').match(/██/g)?.length).toBeGreaterThan(50)
})
