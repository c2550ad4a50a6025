/** Decisions of `npm run pair`, as a table of facts, an event, and the effects. */
import { expect, test } from 'vitest'
import { type Frame, linesFor } from '../../../local/cli/pair-display.ts'
import { type Facts, initialFacts } from '../../../local/cli/pairing-facts.ts'
import { type Effect, type PairingEvent, react } from '../../../local/cli/pairing-reaction.ts'

const phone = '79001234567'
const request = { action: 'request-pairing-code', phoneNumber: '89001234567', requestId: 'r1' }
const first = initialFacts(request)
const connected: Facts = { ...first, isConnected: true }
const requested: Facts = { ...connected, unansweredRequests: 1 }
const started: Facts = { ...connected, started: { attemptId: 'a1', phone } }
const shown: Facts = { ...started, shown: 'ABCD-EFGH' }

const code: Frame = { event: 'pairing-code', attemptId: 'a1', code: 'ABCD-EFGH', expiresIn: 50 }
const end: Frame = { event: 'pairing-code-error', attemptId: 'a1', code: 'BUSY', message: 'busy' }
const throttled: Frame = {
  message: 'Too Many Requests',
  connectionId: 'XfGLwfj9DoECFsg=',
  requestId: 'JZc1WGRLDoEFmAA=',
}
const frame = (fields: Frame): PairingEvent => ({ type: 'frame', frame: fields })
const status = (fields: object = {}): PairingEvent => frame({ event: 'status', session: 'none', ...fields })
const running = (fields: object = {}) => status({ attempt: { attemptId: 'a1', state: 'connecting', ...fields } })
const away = frame({ event: 'error', requestId: 'status', code: 'STORE_UNAVAILABLE', retryable: true })

const print = (...lines: string[]): Effect => ({ do: 'print', lines })
const exit = (exitCode: number): Effect => ({ do: 'finish', exitCode })
const expectSoon: Effect = { do: 'expect', seconds: undefined }
const stopCountdown: Effect = { do: 'stop-countdown' }
const askStatus: Effect = { do: 'send', message: { action: 'get-status', requestId: 'status' } }
const sendCancel: Effect = { do: 'send', message: { action: 'cancel-pairing' } }
const sendRequest: Effect[] = [{ do: 'send', message: request }, { do: 'expect' }]
const cancelling: Effect[] = [stopCountdown, print('Cancelling …')]
const unconfirmed = print('The cancellation was not confirmed. The code expires by itself.')
const showCode: Effect[] = [
  ...[stopCountdown, print(...linesFor(code)), { do: 'expect', seconds: 50 } as const],
  ...[{ do: 'count-down', seconds: 50 } as const, { do: 'play', frame: { phoneNumber: phone, ...code } } as const],
]

test.each<[string, Facts, PairingEvent, readonly Effect[]]>([
  ['a new connection is asked for the status', first, { type: 'opened' }, [askStatus, { do: 'expect' }]],
  [
    'a lost connection stops the countdown and all waiting',
    { ...shown, isStatusPending: true },
    { type: 'lost' },
    [stopCountdown, { do: 'expect-nothing' }, print('Connection lost, reconnecting … (Ctrl-C gives up)')],
  ],
  ['overdue events are asked for', started, { type: 'overdue' }, [askStatus]],
  [
    'a connection that does not answer is replaced',
    { ...started, isStatusPending: true },
    { type: 'overdue' },
    [{ do: 'renew' }],
  ],

  ['the first status makes the client send its request', connected, status(), sendRequest],
  ['an unanswered request is sent again', requested, status(), sendRequest],
  [
    'a request that was sent three times is given up',
    { ...requested, unansweredRequests: 3 },
    status(),
    [print('The server does not answer the request. Run the command again.'), exit(1)],
  ],
  [
    'an attempt that ended while the client was away is begun again',
    { ...started, isResuming: true },
    status(),
    sendRequest,
  ],
  [
    'an attempt that ended while the client was connected is not begun again',
    started,
    status(),
    [print('The pairing has ended, but the message with its outcome was lost.', 'Run the command again.'), exit(1)],
  ],
  ['an attempt that runs is waited for', started, running(), [stopCountdown, print(), expectSoon]],
  [
    'a status with a link ends the command',
    started,
    status({ session: 'connected', phoneNumber: '79001***567' }),
    [print(`connected +${phone}`), exit(0)],
  ],
  ['a status that is older than the last event is ignored', { ...started, lastSeq: 3 }, status({ seq: 2 }), []],
  ['a status that failed for now is ignored', started, away, []],
  ['a message of API Gateway itself answers nothing', requested, frame(throttled), []],
  ['a message of API Gateway itself leaves the countdown running', shown, frame(throttled), []],

  ['a code is shown, counted down and typed', started, frame(code), showCode],
  [
    'a code on screen is not shown again',
    shown,
    frame(code),
    [
      { do: 'count-down', seconds: 50 },
      { do: 'expect', seconds: 50 },
    ],
  ],
  ['another code is shown', { ...started, shown: 'WXYZ-WXYZ' }, frame(code), showCode],
  [
    'an error of this attempt ends the command',
    started,
    frame(end),
    [stopCountdown, print(...linesFor(end)), expectSoon, exit(1)],
  ],
  ['an error of another attempt is ignored', started, frame({ ...end, attemptId: 'a0' }), []],
  ['a link of no attempt is ignored', started, frame({ event: 'whatsapp-connected' }), []],

  ['an interruption before the request ends the command at once', connected, { type: 'interrupted' }, [exit(130)]],
  [
    'a second interruption ends the command at once',
    { ...started, isCancelled: true },
    { type: 'interrupted' },
    [exit(130)],
  ],
  [
    'an interruption cancels the attempt',
    started,
    { type: 'interrupted' },
    [...cancelling, sendCancel, { do: 'limit-cancel' }],
  ],
  [
    'a request that is not answered yet is not cancelled yet',
    requested,
    { type: 'interrupted' },
    [...cancelling, { do: 'limit-cancel' }],
  ],
  [
    'the answer to a cancelled request has its attempt cancelled',
    { ...requested, isCancelled: true },
    frame({ event: 'pairing-started', requestId: 'r1', attemptId: 'a1', phoneNumber: phone }),
    [sendCancel, stopCountdown, print(`Asking WhatsApp to link +${phone} …`), expectSoon],
  ],
  [
    'an interruption without a connection ends the command',
    { ...started, isConnected: false },
    { type: 'interrupted' },
    [...cancelling, unconfirmed, exit(130)],
  ],
  [
    'a cancel that is not confirmed ends the command',
    { ...started, isCancelled: true },
    { type: 'cancel-overdue' },
    [unconfirmed, exit(130)],
  ],
  [
    'a cancelled command ends as cancelled, whatever the end of its attempt',
    { ...started, isCancelled: true },
    frame(end),
    [stopCountdown, print(...linesFor(end)), expectSoon, exit(130)],
  ],
])('%s', (_fact, facts, event, effects) => {
  expect(react(facts, event).effects).toEqual(effects)
})

test.each<[string, Facts, PairingEvent, Partial<Facts>]>([
  [
    'a new connection begins to count its frames anew',
    { ...started, lastSeq: 7 },
    { type: 'opened' },
    { isConnected: true, isResuming: true, isStatusPending: true, lastSeq: 0 },
  ],
  [
    'no answer is pending on a lost connection',
    { ...started, isStatusPending: true },
    { type: 'lost' },
    { isConnected: false, isStatusPending: false },
  ],
  [
    'any frame shows that the connection lives',
    { ...started, isStatusPending: true },
    away,
    { isStatusPending: false },
  ],
  ['a status ends the resuming', { ...started, isResuming: true }, running(), { isResuming: false }],
  ['the highest sequence number counts', { ...started, lastSeq: 3 }, status({ seq: 2 }), { lastSeq: 3 }],
  [
    'any answer to the request names the attempt',
    requested,
    frame({ ...code, requestId: 'r1', phoneNumber: phone }),
    { started: { attemptId: 'a1', phone }, unansweredRequests: 0, shown: 'ABCD-EFGH' },
  ],
  [
    'a request that is sent again has no attempt',
    { ...started, isResuming: true },
    status(),
    { started: undefined, unansweredRequests: 1 },
  ],
  ['an interruption is remembered', started, { type: 'interrupted' }, { isCancelled: true }],
])('%s', (_fact, facts, event, changed) => {
  expect(react(facts, event).facts).toMatchObject(changed)
})
