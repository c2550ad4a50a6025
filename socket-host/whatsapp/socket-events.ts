/**
 * Turns the events of one Baileys socket into `SocketEvent`s, and detects what Baileys reports wrongly or not at all.
 */
import type { Clock } from '#shared/ports.ts'
import type { Log } from './baileys-logger.ts'
import type { BaileysSocket, ConnectionUpdate, SocketTimes } from './baileys-socket.ts'
import { closeOf, ownClose, refusedUpgrade, type SocketPhase } from './close-reason.ts'
import { confirmOpen } from './confirm-open.ts'
import type { KeepAlive } from './keep-alive.ts'
import type { SocketEvent } from './port.ts'
import type { SocketEnd } from './socket-end.ts'
import { subscribe } from './socket-signals.ts'

export type EventDeps = {
  readonly baileys: BaileysSocket
  readonly end: SocketEnd
  readonly alive: Pick<KeepAlive, 'heard'>
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

/** Starts to listen to a socket. Call it right after opening, before the first event. */
export function listen({ baileys, end, alive, credentials, emit, clock, log, times }: EventDeps): Progress {
  const loggedIn = Promise.withResolvers<void>()
  const isRegistration = !credentials.isLinked()
  let phase: SocketPhase = 'handshake'
  let hasQr = false
  let wasRefused = false

  const emitUnlessOver = (event: SocketEvent) => {
    if (!end.isOver()) emit(event)
  }
  const emitInRegistration = (event: SocketEvent) => {
    if (isRegistration) emitUnlessOver(event)
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
  const onOpened = () => emitUnlessOver({ type: 'opened' })
  const update = ({ connection, qr, isNewLogin, lastDisconnect }: ConnectionUpdate) => {
    if (connection === 'close') {
      const error = lastDisconnect?.error
      return end.closed(error && closeOf(error, phase, clock()))
    }
    if (end.isOver()) return
    if (qr !== undefined) showQr(qr)
    if (isNewLogin) onLinked()
    if (connection === 'open') void confirmOpen({ baileys, end, credentials, log }, () => wasRefused, onOpened)
  }

  subscribe(baileys.ws, {
    onStanza: () => {
      alive.heard()
      if (phase === 'handshake') phase = isRegistration ? 'registering' : 'session'
    },
    onRefusedUpgrade: (status) => end.fail(refusedUpgrade(status)),
    onPhoneAnswer: () => emitInRegistration({ type: 'phoneAnswered' }),
    onPasskey: () => emitInRegistration({ type: 'passkeyRequired' }),
    onLogin: () => loggedIn.resolve(),
    onErrorAnswer: () => {
      wasRefused = true
    },
    onBroken: (detail) => end.fail(ownClose('lost', detail)),
    onUnhandled: (detail) => log.warn({ detail }, 'Baileys could not handle a stanza'),
  })
  baileys.onUpdate(update)
  end.expectProgress(times.connectMs, ownClose('lost', `not connected after ${times.connectMs} ms`))
  return { hasQr: () => hasQr, loggedIn: loggedIn.promise }
}
