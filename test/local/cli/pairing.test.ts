/** `npm run pair` with a server that loses answers. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Frame } from '../../../local/cli/pair-display.ts'
import { pair } from '../../../local/cli/pairing.ts'

/** Answers to the nth message of an action; the last is repeated. */
type Script = Readonly<Record<string, readonly (readonly Frame[])[]>>

const phone = '79001234567'
const request = { action: 'request-pairing-code', phoneNumber: '89001234567', requestId: 'r1' }

/** Marks a point after which the server sends nothing until the client asks. */
const silence: Frame = { event: 'silence' }
const started: Frame = { event: 'pairing-started', requestId: 'r1', attemptId: 'a1', phoneNumber: phone }
const code: Frame = { event: 'pairing-code', attemptId: 'a1', code: 'ABCD-EFGH', phoneNumber: phone, expiresIn: 0 }
const connected: Frame = { event: 'whatsapp-connected', attemptId: 'a1', phoneNumber: phone }
const status = (fields: object = {}): Frame => ({ event: 'status', session: 'none', ...fields })
const running = (fields: object = {}) => status({ attempt: { attemptId: 'a1', state: 'connecting', ...fields } })
const shown = { state: 'code-issued', code: 'ABCD-EFGH', phoneNumber: phone, expiresIn: 0 }

/** Creates a timer whose pending action runs only when the test calls `pass`. */
function timeOfSilence() {
  let pending: (() => void) | undefined
  const waits: number[] = []
  const after = (ms: number, action: () => void) => {
    waits.push(ms)
    pending = action
    return () => {
      if (pending === action) pending = undefined
    }
  }
  return { after, waits, pass: () => pending?.(), isPending: () => pending !== undefined }
}

/**
 * Serves clients one after another according to the script. Calls `onSilence` when the client has received the frames
 * before it.
 */
async function serve(script: Script, onSilence: () => void) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  const asked: Record<string, unknown>[] = []
  const actions = (name: string) => asked.filter(({ action }) => action === name).length
  server.on('connection', (socket: WebSocket) => {
    socket.on('pong', onSilence)
    socket.on('message', (data) => {
      const message = JSON.parse(String(data))
      asked.push(message)
      const answers = script[message.action] ?? []
      for (const frame of answers[actions(message.action) - 1] ?? answers.at(-1) ?? [])
        if (frame === silence) socket.ping()
        else socket.send(JSON.stringify(frame))
    })
  })
  await once(server, 'listening')
  onTestFinished(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, server, asked, actions }
}

/** Runs the command against the script. */
async function run(script: Script) {
  const time = timeOfSilence()
  const server = await serve(script, time.pass)
  const lines: string[] = []
  const played: Frame[] = []
  const exitCode = await pair({
    url: server.url,
    request,
    play: async (frame) => void played.push(frame),
    print: (line) => lines.push(line),
    after: time.after,
  })
  return { ...server, exitCode, text: lines.join('\n'), lines, played, waits: time.waits, isWaiting: time.isPending }
}

test('nothing is lost, and nothing is asked for twice', async () => {
  const { exitCode, asked } = await run({
    'get-status': [[status()]],
    'request-pairing-code': [[started, code, connected]],
  })
  expect(exitCode).toBe(0)
  expect(asked).toEqual([{ action: 'get-status', requestId: 'status' }, request])
})

test('news are waited for until they are due, by the clock of the server', async () => {
  const times = { at: '2026-11-22T10:00:00.000Z', deadline: '2026-11-22T10:00:20.000Z' }
  const { waits } = await run({
    'get-status': [[status()]],
    'request-pairing-code': [[{ ...started, ...times }, { ...code, expiresIn: 50 }, connected]],
  })
  expect(waits).toEqual(expect.arrayContaining([23_000, 53_000]))
})

test.each<[string, Frame, string]>([
  ['the attempt is gone', status(), 'The pairing has ended'],
  ['the phone before is still linked', status({ session: 'connected', phoneNumber: '79161***567' }), 'has ended'],
  ['the phone is linked and away', status({ session: 'reconnecting', phoneNumber: '79001***567' }), 'has ended'],
  ['the code has expired', running({ state: 'expired' }), 'The code has expired.'],
  ['another attempt runs', status({ attempt: { attemptId: 'a2', ...shown } }), 'Another request'],
])('an end that got lost is found out when %s, and says what to do', async (_name, found, words) => {
  const { exitCode, text, played } = await run({
    'get-status': [[status()], [found]],
    'request-pairing-code': [[started, silence]],
  })
  expect(exitCode).toBe(1)
  expect(text).toContain(words)
  expect(text).toContain('Run the command again.')
  expect(played).toEqual([])
})

test('a code that got lost is shown, and typed once, however often it is seen', async () => {
  const { exitCode, text, played } = await run({
    'get-status': [[status()], [running(), silence], [running(shown), silence], [running(shown), silence], [connected]],
    'request-pairing-code': [[started, silence]],
  })
  expect(exitCode).toBe(0)
  expect(text.match(/ABCD-EFGH/g)).toHaveLength(1)
  expect(played).toMatchObject([{ event: 'pairing-code', code: 'ABCD-EFGH', phoneNumber: phone }])
})

test('a code that comes by push and by status is shown once', async () => {
  const { text, played } = await run({
    'get-status': [[status()], [running(shown), silence], [connected]],
    'request-pairing-code': [[started, code, silence]],
  })
  expect(text.match(/ABCD-EFGH/g)).toHaveLength(1)
  expect(played).toHaveLength(1)
})

test.each([
  ['with the phone', '79001***567'],
  ['with a phone that nobody named', undefined],
])('a link that got lost is found out %s', async (_name, phoneNumber) => {
  const { phoneNumber: _, ...anonymous } = started
  const { exitCode, text } = await run({
    'get-status': [[status()], [running(shown), silence], [status({ session: 'connected', phoneNumber })]],
    'request-pairing-code': [[phoneNumber ? started : anonymous, code, silence]],
  })
  expect(exitCode).toBe(0)
  expect(text).toContain('connected')
})

test('a request whose answer got lost is sent again, as the same', async () => {
  const { exitCode, asked } = await run({
    'get-status': [[status()]],
    'request-pairing-code': [[silence], [started, code, connected]],
  })
  expect(exitCode).toBe(0)
  expect(asked.filter(({ action }) => action === request.action)).toEqual([request, request])
})

test('messages that API Gateway throttles are sent again, on the same connection: the first status and the request', async () => {
  const throttled: Frame = {
    message: 'Too Many Requests',
    connectionId: 'XfGLwfj9DoECFsg=',
    requestId: 'JZc1WGRLDoEFmAA=',
  }
  const { exitCode, asked, text } = await run({
    'get-status': [[throttled, silence], [status()]],
    'request-pairing-code': [
      [throttled, silence],
      [started, code, connected],
    ],
  })
  expect(exitCode).toBe(0)
  const ask = { action: 'get-status', requestId: 'status' }
  expect(asked).toEqual([ask, ask, request, ask, request])
  expect(text).not.toContain('Connection lost')
})

test('a code says as much as the start that got lost', async () => {
  const { exitCode, actions } = await run({
    'get-status': [[status()], [status({ session: 'connected', phoneNumber: '79001***567' })]],
    'request-pairing-code': [[{ ...code, requestId: 'r1' }, silence]],
  })
  expect(exitCode).toBe(0)
  expect(actions('request-pairing-code')).toBe(1)
})

test('a request that is never answered is given up', async () => {
  const { exitCode, text, actions } = await run({ 'get-status': [[status()]], 'request-pairing-code': [[silence]] })
  expect(exitCode).toBe(1)
  expect(actions('request-pairing-code')).toBe(3)
  expect(text).toContain('does not answer')
})

test('a connection on which nothing comes back is replaced', async () => {
  const { exitCode, text, actions } = await run({
    'get-status': [[silence], [status()], [silence], [status({ session: 'connected', phoneNumber: '79001***567' })]],
    'request-pairing-code': [[started, silence]],
  })
  expect(exitCode).toBe(0)
  expect(text).toContain('Connection lost')
  expect(actions('get-status')).toBe(4)
})

test('a status that cannot be had for a moment is asked for again', async () => {
  const away = { event: 'error', requestId: 'status', code: 'STORE_UNAVAILABLE', retryable: true }
  const { exitCode, text } = await run({
    'get-status': [
      [status()],
      [away, silence],
      [away, silence],
      [status({ session: 'connected', phoneNumber: '79001***567' })],
    ],
    'request-pairing-code': [[started, silence]],
  })
  expect(exitCode).toBe(0)
  expect(text).not.toContain('STORE_UNAVAILABLE')
})

test('a status that is older than the last news says nothing', async () => {
  const { exitCode } = await run({
    'get-status': [[status({ seq: 1 })], [status({ seq: 2 }), silence], [connected]],
    'request-pairing-code': [[{ ...started, seq: 3 }, silence]],
  })
  expect(exitCode).toBe(0)
})

test('the end of an attempt that was another is none of ours, nor is a session that comes up', async () => {
  const superseded = { event: 'pairing-code-error', attemptId: 'a0', code: 'PAIRING_SUPERSEDED', message: 'x' }
  const up = { event: 'whatsapp-connected', phoneNumber: '79161***567' }
  const { exitCode, text } = await run({
    'get-status': [[status()]],
    'request-pairing-code': [[superseded, started, up, { ...connected, event: 'pairing-code-error', code: 'OURS' }]],
  })
  expect(exitCode).toBe(1)
  expect(text).toContain('OURS')
  expect(text).not.toContain('PAIRING_SUPERSEDED')
})

test('what comes after the end starts nothing more: another attempt has begun, and the command still ends', async () => {
  const superseded: Frame = {
    event: 'pairing-code-error',
    attemptId: 'a1',
    code: 'PAIRING_SUPERSEDED',
    message: 'replaced',
  }
  const another: Frame = { event: 'pairing-started', attemptId: 'a2', phoneNumber: '79161234567' }
  const { exitCode, server, lines, isWaiting } = await run({
    'get-status': [[status()]],
    'request-pairing-code': [[started, superseded, another]],
  })
  const printed = lines.length
  // When the server sees the close, the client has received every frame.
  await Promise.all([...server.clients].map((client) => once(client, 'close')))
  expect({ exitCode, printed: lines.length, isWaiting: isWaiting() }).toEqual({
    exitCode: 1,
    printed,
    isWaiting: false,
  })
})
