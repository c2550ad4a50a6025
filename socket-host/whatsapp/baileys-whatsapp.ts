/** `WhatsApp` port over an unmodified Baileys 7.0.0-rc14. */
import { systemTimer, waitAtMost } from '#shared/async/time-limit.ts'
import { isUnlinkedBy } from '#shared/domain/session/disconnect.ts'
import { phoneOfIdentity } from '#shared/domain/values/phone.ts'
import type { Clock, CredentialStore } from '#shared/ports.ts'
import { connectBaileys } from './baileys-connection.ts'
import { type Log, logAbout, silenceLibsignal } from './baileys-logger.ts'
import type { BaileysSocket, SocketTime, SocketTimes } from './baileys-socket.ts'
import { messageOf, ownClose } from './close-reason.ts'
import { type Attachment, type AuthState, freshAuthState, loadAuthState } from './credentials/auth-state.ts'
import { currentSocket, sockets } from './current-socket.ts'
import { keepAlive } from './keep-alive.ts'
import { requestCode } from './pairing-code.ts'
import { dropPairs, givePairs, installFastKeys, type KeyPair, makePairs } from './patches/fast-keys.ts'
import { installNativeSignatures } from './patches/native-signatures.ts'
import { dropSignalJobs, installSignalQueue } from './patches/signal-queue.ts'
import { installVerification } from './patches/verify-signatures.ts'
import type { About, Credentials, SocketEvent, WhatsApp, WhatsAppSocket } from './port.ts'
import { type SocketEnd, socketEnd } from './socket-end.ts'
import { listen, type Progress } from './socket-events.ts'
import { unlinkDevice } from './unlink-device.ts'

installVerification()
installFastKeys()
installNativeSignatures()
installSignalQueue()
silenceLibsignal(console)

export type WhatsAppDeps = {
  readonly store: CredentialStore
  readonly clock: Clock
  readonly log: Log
  readonly times?: Partial<SocketTimes>
  /** Monotonic clock and timers of pings, time limits and caches. */
  readonly time?: SocketTime
  /** Makes the key pairs for the pre-keys of a new link; by default 812, in slices. */
  readonly makePairs?: typeof makePairs
}

type SocketDeps = WhatsAppDeps & { readonly times: SocketTimes }

export const defaultTimes: SocketTimes = { connectMs: 30_000, helloMs: 15_000, restartMs: 5_000, closeMs: 1000 }
const systemTime: SocketTime = { monotonic: () => performance.now(), after: systemTimer }
/** Milliseconds for Baileys to report its close, on top of the peer's `closeMs`. */
export const backstopMs = 500

/** The state behind each opaque `Credentials` value. */
const states = new WeakMap<Credentials, AuthState>()
/** Key pairs for the pre-keys of credentials that have uploaded none, until their next login. */
const prepared = new WeakMap<AuthState, readonly KeyPair[]>()

export function createWhatsApp(deps: WhatsAppDeps): WhatsApp {
  return {
    fresh: () => registerState(freshAuthState(deps)),
    persist: (credentials, target) => stateOf(credentials).persist(target),
    async load(target, about) {
      const loaded = await loadAuthState(target, withAbout(deps, about))
      return typeof loaded === 'string' ? loaded : registerState(loaded)
    },
    async prepare(credentials) {
      const state = stateOf(credentials)
      const hasUploaded = state.creds.nextPreKeyId > 1
      if (state.isLinked() && !hasUploaded) prepared.set(state, await (deps.makePairs ?? makePairs)())
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
  if (!state) throw new Error('These credentials are not from this adapter')
  return state
}

let lastId = 0

type Running = {
  readonly baileys: BaileysSocket
  readonly attachment: Attachment
  readonly end: SocketEnd
  readonly progress: Progress
  /** Keeps all further events from the listener. */
  readonly mute: () => void
}

/** Starts a socket of Baileys, and reports its events to the listener. */
function startSocket(state: AuthState, listener: (event: SocketEvent) => void, deps: SocketDeps): Running {
  const { clock, log, times, time = systemTime } = deps
  lastId += 1
  const id = lastId
  let isMuted = false

  const pairs = prepared.get(state)
  prepared.delete(state)
  if (pairs) givePairs(id, pairs)
  const emit = (event: SocketEvent) => {
    if (event.type === 'opened') dropPairs(id)
    if (!isMuted) currentSocket.run(undefined, () => listener(event))
  }
  const attachment = state.attach((failure) => end.fail(failure.close))
  const baileys = currentSocket.run(id, () => connectBaileys(attachment, times.closeMs, { time, log }))
  const end = socketEnd({
    graceMs: times.closeMs + backstopMs,
    end: () => void baileys.end().catch((error) => log.warn({ error: messageOf(error) }, 'Could not end a socket')),
    onGone(close) {
      alive.stop()
      attachment.release()
      baileys.freeCaches()
      sockets.delete(id)
      dropSignalJobs(id)
      dropPairs(id)
      emit({ type: 'closed', close })
    },
  })
  sockets.set(id, end)
  const credentials = { ...state, phone: () => phoneOfIdentity(state.creds.me?.id) }
  const alive = keepAlive({
    time,
    // A ping that cannot be sent shows as the close of the socket, or as silence.
    ping: () => void baileys.ping().catch(() => {}),
    onSilent: (ms) => end.fail(ownClose('lost', `nothing received for ${Math.round(ms)} ms`)),
  })
  const progress = listen({ baileys, end, alive, credentials, emit, clock, log, times })
  const mute = () => {
    isMuted = true
  }
  return { baileys, attachment, end, progress, mute }
}

function openSocket(state: AuthState, listener: (event: SocketEvent) => void, deps: WhatsAppDeps): WhatsAppSocket {
  const times = { ...defaultTimes, ...deps.times }
  const isRegistration = !state.isLinked()
  if (isRegistration) clearUnfinishedPairing(state)
  const { baileys, attachment, end, progress, mute } = startSocket(state, listener, { ...deps, times })
  let hasRequestedCode = false

  const close = async () => {
    mute()
    end.fail(ownClose('closed', 'closed by the host'))
    await end.gone
  }
  return {
    close,
    async requestCode(phone) {
      if (!progress.hasQr() || hasRequestedCode) throw new Error('A code can be requested once, after the first QR')
      hasRequestedCode = true
      return requestCode({ baileys, gone: end.gone, helloMs: times.helloMs, log: deps.log }, phone)
    },
    async unlink(timeoutMs) {
      mute()
      attachment.discard()
      const identity = state.creds.me?.id
      if (!state.isLinked() || identity === undefined) return close().then(() => 'unconfirmed')
      if (!isRegistration && !end.isOver()) {
        return unlinkDevice({ baileys, end, loggedIn: progress.loggedIn, identity }, timeoutMs)
      }
      return unlinkByLogin(timeoutMs)
    },
  }

  /**
   * Unlinks in a new login. WhatsApp closes a registration after pair-success (515), and accepts the request from a
   * login only.
   */
  async function unlinkByLogin(timeoutMs: number) {
    const until = performance.now() + timeoutMs
    await waitAtMost(timeoutMs / 2, end.gone, () => undefined)
    await close()
    if (isUnlinkedBy((await end.gone).reason)) return 'confirmed'
    return openSocket(state, () => {}, deps).unlink(Math.max(0, until - performance.now()))
  }
}

/** Clears what Baileys sets when it requests a code. Otherwise it would log in, as a device that does not exist. */
function clearUnfinishedPairing({ creds }: AuthState): void {
  delete creds.me
  creds.pairingCode = undefined
  creds.registered = false
}
