/** WhatsApp for the host, with Baileys 7.0.0-rc14 as it is. The only file that opens its sockets. */
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type AuthenticationState,
  type BinaryNode,
  Browsers,
  makeWASocket,
  type SocketConfig,
} from '@whiskeysockets/baileys'
import { waitAtMost } from '#shared/async/time-limit.ts'
import { phoneOfIdentity } from '#shared/domain/values/phone.ts'
import type { Clock, CredentialStore } from '#shared/ports.ts'
import { baileysLogger, type Log, logAbout, silenceLibsignal } from './baileys-logger.ts'
import type { BaileysSocket, SocketTimes } from './baileys-socket.ts'
import { boundedCache } from './bounded-cache.ts'
import { messageOf, ownClose } from './close-reason.ts'
import { type AuthState, freshAuthState, loadAuthState } from './credentials/auth-state.ts'
import { requestCode } from './pairing-code.ts'
import { installFastKeys } from './patches/fast-keys.ts'
import { installVerification } from './patches/verify-signatures.ts'
import type { About, Credentials, SocketEvent, WhatsApp, WhatsAppSocket } from './port.ts'
import { type SocketEnd, socketEnd } from './socket-end.ts'
import { listen, type Progress } from './socket-events.ts'
import { closeWithin } from './socket-guard.ts'
import { unlinkDevice } from './unlink-device.ts'

installVerification()
installFastKeys()
silenceLibsignal(console)

export type WhatsAppDeps = {
  readonly store: CredentialStore
  readonly clock: Clock
  readonly log: Log
  readonly times?: Partial<SocketTimes>
}

export const defaultTimes: SocketTimes = { connectMs: 30_000, helloMs: 15_000, restartMs: 5_000, closeMs: 1000 }
/** For the library to say that it has closed, beyond the peer's time to answer. */
export const backstopMs = 500

/** What stands behind the opaque credentials. */
const states = new WeakMap<Credentials, AuthState>()

export function createWhatsApp(deps: WhatsAppDeps): WhatsApp {
  return {
    fresh: () => registerState(freshAuthState(deps)),
    persist: (credentials, target) => stateOf(credentials).persist(target),
    async load(target, about) {
      const loaded = await loadAuthState(target, withAbout(deps, about))
      return typeof loaded === 'string' ? loaded : registerState(loaded)
    },
    open: (credentials, listener, about) => openSocket(stateOf(credentials), listener, withAbout(deps, about)),
  }
}

const withAbout = (deps: WhatsAppDeps, about: About | undefined): WhatsAppDeps =>
  about ? { ...deps, log: logAbout(deps.log, about) } : deps

function registerState(state: AuthState): Credentials {
  states.set(state, state)
  return state
}

function stateOf(credentials: Credentials): AuthState {
  const state = states.get(credentials)
  if (!state) throw new Error('These credentials are not of this adapter')
  return state
}

/**
 * For the process's handlers of unhandled rejections and uncaught exceptions: ends the socket on whose behalf the
 * failing code ran (R41). False when it was not a socket's: then the error is the host's own.
 */
export function blameSocket(error: unknown): boolean {
  const id = currentSocket.getStore()
  if (id === undefined) return false
  sockets.get(id)?.fail(ownClose('lost', `unhandled: ${messageOf(error)}`))
  return true
}

/** Which socket the running code works for; an id, so that pooled connections and timers keep nothing of it alive. */
const currentSocket = new AsyncLocalStorage<number | undefined>()
const sockets = new Map<number, SocketEnd>()
let lastId = 0

function openSocket(state: AuthState, listener: (event: SocketEvent) => void, deps: WhatsAppDeps): WhatsAppSocket {
  const { clock, log } = deps
  const times = { ...defaultTimes, ...deps.times }
  const isRegistration = !state.isLinked()
  if (isRegistration) clearUnfinishedPairing(state)
  lastId += 1
  const id = lastId
  let isMuted = false
  let hasRequestedCode = false

  const emit = (event: SocketEvent) => {
    if (!isMuted) currentSocket.run(undefined, () => listener(event))
  }
  const attachment = state.attach((failure) => end.fail(failure.close))
  const baileys = currentSocket.run(id, () => connect(attachment.state, attachment.credsChanged, times.closeMs, deps))
  const end = socketEnd({
    graceMs: times.closeMs + backstopMs,
    end: () => void baileys.end().catch((error) => log.warn({ error: messageOf(error) }, 'A socket ended badly')),
    onGone(close) {
      attachment.release()
      baileys.freeCaches()
      sockets.delete(id)
      emit({ type: 'closed', close })
    },
  })
  sockets.set(id, end)
  const credentials = { ...state, phone: () => phoneOfIdentity(state.creds.me?.id) }
  const progress: Progress = listen({ baileys, end, credentials, emit, clock, log, times })

  const close = async () => {
    isMuted = true
    end.fail(ownClose('closed', 'closed by the host'))
    await end.gone
  }
  return {
    close,
    async requestCode(phone) {
      if (!progress.hasQr() || hasRequestedCode) throw new Error('A code is asked for once, after the first QR')
      hasRequestedCode = true
      return requestCode({ baileys, gone: end.gone, helloMs: times.helloMs, log }, phone)
    },
    async unlink(timeoutMs) {
      isMuted = true
      attachment.discard()
      const identity = state.creds.me?.id
      if (!state.isLinked() || identity === undefined) return close().then(() => 'unconfirmed')
      if (!isRegistration && !end.isOver()) {
        return unlinkDevice({ baileys, end, loggedIn: progress.loggedIn, identity }, timeoutMs)
      }
      return unlinkByLogin(timeoutMs)
    },
  }

  /** A registration cannot remove what it has linked: WhatsApp closes it (515), and only a login may speak for it. */
  async function unlinkByLogin(timeoutMs: number) {
    const until = performance.now() + timeoutMs
    await waitAtMost(timeoutMs / 2, end.gone, () => undefined)
    await close()
    if ((await end.gone).reason === 'loggedOut') return 'confirmed'
    return openSocket(state, () => {}, deps).unlink(Math.max(0, until - performance.now()))
  }
}

/** Baileys sets these when it asks for a code; with them it would log in, as a device that does not exist. */
function clearUnfinishedPairing({ creds }: AuthState): void {
  delete creds.me
  creds.pairingCode = undefined
  creds.registered = false
}

function connect(
  auth: AuthenticationState,
  onCredsChanged: () => void,
  closeMs: number,
  { clock, log }: WhatsAppDeps,
): BaileysSocket {
  const socket = makeWASocket({ ...socketConfig(clock), auth, logger: baileysLogger(log) })
  closeWithin(socket.ws, closeMs)
  socket.ev.on('creds.update', onCredsChanged)
  return {
    ws: socket.ws,
    onUpdate: (listener) => socket.ev.on('connection.update', listener),
    end: () => socket.end(undefined),
    freeCaches: () => socket.signalRepository.close?.(),
    generateMessageTag: socket.generateMessageTag,
    requestPairingCode: (phone) => socket.requestPairingCode(phone),
    query: (stanza: BinaryNode, timeoutMs) => socket.query(stanza, timeoutMs),
  }
}

/** What differs from Baileys' defaults. The address and the version are theirs. */
function socketConfig(clock: Clock): Partial<SocketConfig> {
  return {
    // WhatsApp checks the name that is shown on the phone: one of its own clients', never a brand (R22).
    browser: Browsers.ubuntu('Chrome'),
    // A device that is online keeps the phone from notifying its owner.
    markOnlineOnConnect: false,
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => false,
    getMessage: async () => undefined,
    enableRecentMessageCache: false,
    // A write that failed ends the socket; trying again from in here would only delay that.
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 1000 },
    msgRetryCounterCache: boundedCache(1000, 3_600_000, clock),
    placeholderResendCache: boundedCache(500, 3_600_000, clock),
    userDevicesCache: boundedCache(500, 300_000, clock),
    callOfferCache: boundedCache(100, 300_000, clock),
  }
}
