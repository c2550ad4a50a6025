/** A client's connection to the WebSocket API. It reconnects by itself, as every client's should (R21). */
import { WebSocket } from 'ws'
import type { Frame } from './pair-display.ts'

const firstDelayMs = 500
const maxDelayMs = 10_000
/** Limit for a server that accepts the TCP connection but does not answer the upgrade. */
const handshakeTimeout = 30_000

export type ClientConnection = {
  /** Sends a message; returns false while there is no connection. */
  readonly send: (message: object) => boolean
  /** Replaces an open connection with a new one. */
  readonly renew: () => void
  readonly close: () => void
}

/** Callbacks of a connection. */
export type Listener = {
  /** Called after each connect, the first and every later one. */
  readonly onOpen: () => void
  readonly onFrame: (frame: Frame) => void
  /**
   * Called when the server rejects the connection, or when the first connect fails. There is no further try. After the
   * first connect, 429 and 5xx are no rejection.
   */
  readonly onRefused: (error: Error) => void
  /** Called when an open connection has ended. `onOpen` follows when there is a new one. */
  readonly onLost: () => void
}

/** Connects, and reconnects with back-off and jitter until closed. */
export function keepConnected(url: string, listener: Listener): ClientConnection {
  let socket: WebSocket
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let isOpen = false
  let wasOpen = false
  let delayMs = firstDelayMs

  const refuse = (error: Error) => {
    if (isClosed) return
    isClosed = true
    listener.onRefused(error)
  }
  const onClose = () => {
    if (isClosed) return
    if (isOpen) listener.onLost()
    isOpen = false
    timer = setTimeout(connect, delayMs * (0.5 + Math.random() / 2))
    delayMs = Math.min(delayMs * 2, maxDelayMs)
  }
  function connect(): void {
    socket = new WebSocket(url, { handshakeTimeout })
    socket.on('open', () => {
      isOpen = true
      wasOpen = true
      delayMs = firstDelayMs
      listener.onOpen()
    })
    socket.on('message', (data) => {
      // Frames can still arrive during the closing handshake. They must not start timers that nothing would stop.
      if (!isClosed) listener.onFrame(JSON.parse(String(data)) as Frame)
    })
    socket.on('unexpected-response', (_request, { statusCode }) => {
      // After a moment there may be a place again (R34), or a service be back.
      if (wasOpen && isPassing(statusCode)) socket.terminate()
      else refuse(new Error(refusal(statusCode)))
    })
    socket.on(
      'error',
      (error) => !wasOpen && refuse(new Error(`Cannot connect to ${new URL(url).host}: ${error.message}`)),
    )
    socket.on('close', onClose)
  }
  connect()
  return {
    send: (message) => {
      if (socket.readyState !== WebSocket.OPEN) return false
      socket.send(JSON.stringify(message))
      return true
    },
    renew: () => socket.terminate(),
    close: () => {
      isClosed = true
      clearTimeout(timer)
      socket.close()
    },
  }
}

const isPassing = (status = 0): boolean => status === 429 || status >= 500

function refusal(status = 0): string {
  if (status === 401 || status === 403)
    return `The server refused the token (${status}): it is wrong, expired, or not a client's.`
  if (status === 429)
    return 'The company has too many connections, or the server too many requests (429). Try again in 30 s.'
  return `The server refused the connection (${status}).`
}
