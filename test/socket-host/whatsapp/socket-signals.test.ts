import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import type { Stanza } from '../../../socket-host/whatsapp/baileys-socket.ts'
import { type Signals, subscribe } from '../../../socket-host/whatsapp/socket-signals.ts'

/** Subscribes to a WebSocket on which a listener of Baileys throws at one event, and records the signals. */
function listen(failing?: string) {
  const ws = Object.assign(new EventEmitter(), { close: async () => {} })
  if (failing) {
    ws.on(failing, () => {
      throw new Error('broken')
    })
  }
  const seen: unknown[] = []
  const record = (name: keyof Signals) => (detail?: string | number) =>
    void seen.push(detail === undefined ? name : [name, detail])
  subscribe(ws, {
    onStanza: record('onStanza'),
    onRefusedUpgrade: record('onRefusedUpgrade'),
    onPhoneAnswer: record('onPhoneAnswer'),
    onPasskey: record('onPasskey'),
    onLogin: record('onLogin'),
    onErrorAnswer: record('onErrorAnswer'),
    onBroken: record('onBroken'),
    onUnhandled: record('onUnhandled'),
  })
  return { ws, seen }
}

const stanza: Stanza = { tag: 'iq', attrs: {} }
const codeNotification = (stage: string): Stanza => ({
  tag: 'notification',
  attrs: {},
  content: [{ tag: 'link_code_companion_reg', attrs: { stage } }],
})
const reg = 'CB:notification,type:link_code_companion_reg'

test.each<[string, string, readonly unknown[], readonly unknown[]]>([
  ['bytes of the handshake signal nothing', 'frame', [new Uint8Array([1])], []],
  ['a frame that is a stanza signals the end of the handshake', 'frame', [stanza], ['onStanza']],
  [
    'a refused upgrade signals its status',
    'unexpected-response',
    [{}, { statusCode: 403 }],
    [['onRefusedUpgrade', 403]],
  ],
  ['a refused upgrade without a status signals 0', 'unexpected-response', [{}, {}], [['onRefusedUpgrade', 0]]],
  ['primary_hello signals an answer of the phone', reg, [codeNotification('primary_hello')], ['onPhoneAnswer']],
  ['another stage signals nothing', reg, [codeNotification('refresh_code')], []],
  ['a notification without a stage signals nothing', reg, [stanza], []],
  ['a request for a passkey signals one', 'CB:notification,type:passkey_prologue_request', [stanza], ['onPasskey']],
  ['its continuation does, too', 'CB:notification,type:crsc_continuation', [stanza], ['onPasskey']],
  ['success signals the login', 'CB:success', [stanza], ['onLogin']],
  ['an error answer signals itself', 'CB:iq,type:error', [stanza], ['onErrorAnswer']],
])('%s', (_fact, event, args, signals) => {
  const { ws, seen } = listen()
  ws.emit(event, ...args)
  expect(seen).toEqual(signals)
})

test.each([
  ['message', 'onBroken'],
  ['open', 'onBroken'],
  ['CB:iq,type:set,pair-device', 'onBroken'],
  ['CB:iq,,pair-success', 'onBroken'],
  ['CB:message', 'onUnhandled'],
])('a listener of Baileys that fails at %s signals %s', (event, signal) => {
  const { ws, seen } = listen(event)
  ws.emit(event, stanza)
  expect(seen).toEqual([[signal, `${event}: broken`]])
})
