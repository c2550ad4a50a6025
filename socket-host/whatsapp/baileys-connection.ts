/** Sockets of Baileys 7.0.0-rc14. No other file opens them. */
import {
  type BinaryNode,
  Browsers,
  DEFAULT_CONNECTION_CONFIG,
  makeWASocket,
  type SocketConfig,
} from '@whiskeysockets/baileys'
import { baileysLogger, type Log } from './baileys-logger.ts'
import { type BaileysSocket, type SocketTime, server } from './baileys-socket.ts'
import { boundedCache } from './bounded-cache.ts'
import type { Attachment } from './credentials/auth-state.ts'
import { boundedRepository } from './patches/signal-repository.ts'
import { maxRetries, retryCounts } from './retry-counts.ts'
import { closeWithin } from './socket-guard.ts'
import { answerUnused, dropUnusedEvents, withoutUnusedKeys } from './unused.ts'

export type ConnectionDeps = {
  readonly time: SocketTime
  readonly log: Log
}

/** Opens a socket with our settings. `closeMs` limits the wait for the peer when it closes. */
export function connectBaileys(
  { state, credsChanged }: Pick<Attachment, 'state' | 'credsChanged'>,
  closeMs: number,
  { time, log }: ConnectionDeps,
): BaileysSocket {
  const auth = { creds: state.creds, keys: withoutUnusedKeys(state.keys) }
  const socket = makeWASocket({ ...socketConfig(time), auth, logger: baileysLogger(log) })
  closeWithin(socket.ws, closeMs)
  dropUnusedEvents(socket.ev)
  answerUnused(socket.ws, {
    acknowledge: (stanza) => socket.sendMessageAck(stanza),
    cleanGroups: () => socket.cleanDirtyBits('groups'),
  })
  socket.ev.on('creds.update', credsChanged)
  return {
    ws: socket.ws,
    onUpdate: (listener) => socket.ev.on('connection.update', listener),
    end: () => socket.end(undefined),
    freeCaches: () => socket.signalRepository.close?.(),
    generateMessageTag: socket.generateMessageTag,
    requestPairingCode: (phone) => socket.requestPairingCode(phone),
    query: (stanza: BinaryNode, timeoutMs) => socket.query(stanza, timeoutMs),
    ping: () => socket.sendNode(pingOf(socket.generateMessageTag())),
  }
}

const pingOf = (id: string): BinaryNode => ({
  tag: 'iq',
  attrs: { id, to: server, type: 'get', xmlns: 'w:p' },
  content: [{ tag: 'ping', attrs: {} }],
})

/** Longest interval of Node's timers, 24 days. It turns off Baileys' check of silence, which reads the wall clock. */
const neverMs = 2 ** 31 - 1

/**
 * Cache that has every key. Baileys believes that it has asked the phone already to send a message again, so it neither
 * asks nor holds the queue of messages for two seconds. Nothing here reads messages, and the retry receipt, by which the
 * contact's device repairs the session, does not depend on it.
 */
const askedAlready = { get: <T>() => true as T, set: () => {}, del: () => {}, flushAll: () => {} }

/** Settings that differ from Baileys' defaults. Address and protocol version stay as Baileys sets them. */
function socketConfig(time: SocketTime): Partial<SocketConfig> {
  const now = time.monotonic
  return {
    // WhatsApp checks this name, which the phone shows. It must be the name of a known browser, never a brand (R22).
    browser: Browsers.ubuntu('Chrome'),
    // While a companion device is online, the phone does not notify its owner of messages.
    markOnlineOnConnect: false,
    // Server properties, blocked contacts and privacy settings.
    fireInitQueries: false,
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => false,
    getMessage: async () => undefined,
    enableRecentMessageCache: false,
    keepAliveIntervalMs: neverMs,
    // It would hold the queue of messages after each one that cannot be decrypted.
    retryRequestDelayMs: 0,
    // A failed write ends the socket. Retries inside Baileys would only delay that.
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 1000 },
    makeSignalRepository: boundedRepository(DEFAULT_CONNECTION_CONFIG.makeSignalRepository, time),
    maxMsgRetryCount: maxRetries,
    msgRetryCounterCache: retryCounts(now),
    placeholderResendCache: askedAlready,
    userDevicesCache: boundedCache(500, 300_000, now),
    callOfferCache: boundedCache(100, 300_000, now),
  }
}
