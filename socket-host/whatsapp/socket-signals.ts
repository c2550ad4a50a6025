/** Signals on the WebSocket of a Baileys socket that `connection.update` does not report. */
import type { IncomingMessage } from 'node:http'
import { childOf, type Stanza } from './baileys-socket.ts'
import { messageOf } from './close-reason.ts'
import { type Closable, guardListeners } from './socket-guard.ts'

export type Signals = {
  /** Called for each stanza. The first one proves that the Noise handshake is over. */
  readonly onStanza: () => void
  /** Called when the server has answered the WebSocket upgrade with this HTTP status. */
  readonly onRefusedUpgrade: (status: number) => void
  /** Called when the phone has answered a pairing code (primary_hello). */
  readonly onPhoneAnswer: () => void
  /** Called when the account turns out to be protected by a passkey. */
  readonly onPasskey: () => void
  /** Called when WhatsApp has accepted the login. */
  readonly onLogin: () => void
  /** Called when WhatsApp has answered any request with an error. */
  readonly onErrorAnswer: () => void
  /** Called when Baileys could not handle an event that a socket cannot do without. */
  readonly onBroken: (detail: string) => void
  /** Called when Baileys could not handle another event. */
  readonly onUnhandled: (detail: string) => void
}

/** Events whose Baileys listeners a socket cannot do without: all frames, the QR, pair-success, the login. */
const vitalEvents: readonly string[] = [
  'message',
  'open',
  'CB:iq,type:set,pair-device',
  'CB:iq,,pair-success',
  'CB:success',
]

const passkeyNotifications = [
  'CB:notification,type:passkey_prologue_request',
  'CB:notification,type:crsc_continuation',
] as const

/** Subscribes to a WebSocket. Call it before the first event: it guards the listeners that Baileys has added by now. */
export function subscribe(ws: Closable, signals: Signals): void {
  guardListeners(ws, (event, error) => {
    const report = vitalEvents.includes(event) ? signals.onBroken : signals.onUnhandled
    report(`${event}: ${messageOf(error)}`)
  })
  // Frames of the handshake are bytes; later ones are stanzas.
  ws.on('frame', (frame: unknown) => {
    if (!(frame instanceof Uint8Array)) signals.onStanza()
  })
  // Baileys listens to this event without handling it. The listener keeps `ws` from ending the request, so we end it.
  ws.on('unexpected-response', (_request: unknown, { statusCode = 0 }: IncomingMessage) =>
    signals.onRefusedUpgrade(statusCode),
  )
  ws.on('CB:notification,type:link_code_companion_reg', (notification: Stanza) => {
    if (childOf(notification, 'link_code_companion_reg')?.attrs['stage'] === 'primary_hello') signals.onPhoneAnswer()
  })
  for (const notification of passkeyNotifications) ws.on(notification, () => signals.onPasskey())
  ws.on('CB:success', () => signals.onLogin())
  ws.on('CB:iq,type:error', () => signals.onErrorAnswer())
}
