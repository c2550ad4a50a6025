/**
 * Turns the events of one Baileys socket into `SocketEvent`s, and detects what Baileys reports wrongly or not at all.
 */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '#shared/ports.ts'
import type { Log } from './baileys-logger.ts'
import {
  type BaileysSocket,
  type ConnectionUpdate,
  childOf,
  type SocketTimes,
  type Stanza,
  server,
} from './baileys-socket.ts'
import { closeOf, messageOf, ownClose, refusedUpgrade, type SocketPhase } from './close-reason.ts'
import type { SocketEvent } from './port.ts'
import type { SocketEnd } from './socket-end.ts'
import { guardListeners } from './socket-guard.ts'

export type EventDeps = {
  readonly baileys: BaileysSocket
  readonly end: SocketEnd
  readonly credentials: { isLinked(): boolean; flush(): Promise<void>; phone(): string | undefined }
  /** Not called once the socket is ending or gone. */
  readonly emit: (event: SocketEvent) => void
  readonly clock: Clock
  readonly log: Log
  readonly times: SocketTimes
}

export type Progress = {
  /** True after the first QR: only then may a code be requested. */
  hasQr(): boolean
  /** Resolves when WhatsApp has accepted the login; otherwise never. */
  readonly loggedIn: Promise<void>
}

/** Lifetimes of QRs, as in Baileys when `qrTimeout` is not set: the first one lives longer. */
const firstQrMs = 60_000
const nextQrMs = 20_000
/** Milliseconds for WhatsApp to answer how many pre-keys of ours it has. */
const preKeyCountMs = 10_000

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

/** Starts to listen to a socket. Call it right after opening, before the first event. */
export function listen({ baileys, end, credentials, emit, clock, log, times }: EventDeps): Progress {
  const { ws } = baileys
  const loggedIn = Promise.withResolvers<void>()
  const isRegistration = !credentials.isLinked()
  let phase: SocketPhase = 'handshake'
  let hasQr = false
  let wasRefused = false

  const emitUnlessOver = (event: SocketEvent) => {
    if (!end.isOver()) emit(event)
  }
  const showQr = (qr: string) => {
    if (phase !== 'registering') return
    end.expectNothing()
    const lifeMs = hasQr ? nextQrMs : firstQrMs
    // Set before the event: its listener requests a code at once, and `requestCode` checks this flag.
    hasQr = true
    emitUnlessOver({ type: 'qr', qr, lapsesAt: clock() + lifeMs })
  }
  const onLinked = () => {
    if (!credentials.isLinked()) return end.fail(ownClose('badLink', 'pair-success without a device or an identity'))
    phase = 'linked'
    end.expectProgress(times.restartMs, ownClose('restart', 'no restart followed pair-success'))
    emitUnlessOver({ type: 'linked', phone: credentials.phone() })
  }
  const confirmOpen = async () => {
    try {
      await credentials.flush()
      // 0 alone may come from a service that does not count. 0 after an error answer means that the upload failed.
      if ((await countPreKeysAtWhatsApp(baileys)) === 0) {
        if (wasRefused) return end.fail(ownClose('lost', 'WhatsApp has none of our pre-keys'))
        log.warn({}, 'WhatsApp counts no pre-keys although it refused no upload')
      }
      end.expectNothing()
      emitUnlessOver({ type: 'opened' })
    } catch (error) {
      end.fail(ownClose('lost', `not confirmed as open: ${messageOf(error)}`))
    }
  }
  const update = ({ connection, qr, isNewLogin, lastDisconnect }: ConnectionUpdate) => {
    if (connection === 'close') {
      const error = lastDisconnect?.error
      return end.closed(error && closeOf(error, phase))
    }
    if (end.isOver()) return
    if (qr !== undefined) showQr(qr)
    if (isNewLogin) onLinked()
    if (connection === 'open') void confirmOpen()
  }

  guardListeners(ws, (event, error) => {
    const detail = `${event}: ${messageOf(error)}`
    if (vitalEvents.includes(event)) end.fail(ownClose('lost', detail))
    else log.warn({ detail }, 'Baileys could not handle a stanza')
  })
  ws.on('frame', (frame: unknown) => {
    if (phase === 'handshake' && !(frame instanceof Uint8Array)) phase = isRegistration ? 'registering' : 'session'
  })
  // Baileys listens to this event without handling it. The listener keeps `ws` from ending the request, so we end it.
  ws.on('unexpected-response', (_request: unknown, { statusCode = 0 }: IncomingMessage) =>
    end.fail(refusedUpgrade(statusCode)),
  )
  ws.on('CB:notification,type:link_code_companion_reg', (notification: Stanza) => {
    const isAnswer = childOf(notification, 'link_code_companion_reg')?.attrs['stage'] === 'primary_hello'
    if (isAnswer && isRegistration) emitUnlessOver({ type: 'phoneAnswered' })
  })
  for (const notice of passkeyNotifications) {
    ws.on(notice, () => {
      if (isRegistration) emitUnlessOver({ type: 'passkeyRequired' })
    })
  }
  ws.on('CB:success', () => loggedIn.resolve())
  ws.on('CB:iq,type:error', () => {
    wasRefused = true
  })
  baileys.onUpdate(update)
  end.expectProgress(times.connectMs, ownClose('lost', `not connected after ${times.connectMs} ms`))
  return { hasQr: () => hasQr, loggedIn: loggedIn.promise }
}

/**
 * Asks WhatsApp how many pre-keys of this device it has. Baileys reports `open` even if their upload was refused or not
 * answered, and without pre-keys no contact can write to the device.
 */
async function countPreKeysAtWhatsApp({ query }: BaileysSocket): Promise<number> {
  const request = {
    tag: 'iq',
    attrs: { to: server, type: 'get', xmlns: 'encrypt' },
    content: [{ tag: 'count', attrs: {} }],
  }
  const answer = await query(request, preKeyCountMs)
  if (!answer) throw new Error('WhatsApp did not answer how many pre-keys it has')
  return Number(childOf(answer, 'count')?.attrs['value']) || 0
}
