/** A client's connection to the WebSocket API that comes back by itself, as every client's should (R21). */
import { WebSocket } from 'ws'
import type { Frame } from './pair-display.ts'

const firstDelayMs = 500
const maxDelayMs = 10_000
/** A server that takes the connection and says nothing would be waited for without end. */
const handshakeTimeout = 30_000

export type ClientConnection = {
  /** False while there is no connection. */
  readonly send: (message: object) => boolean
  /** Gives an open connection up for a new one. */
  readonly renew: () => void
  readonly close: () => void
}

/** What the user of a connection is told. */
export type Listener = {
  /** On each connection, the first and every later one. */
  readonly onOpen: () => void
  readonly onFrame: (frame: Frame) => void
  /** The server does not want us, or was never there: no further try is made. */
  readonly onRefused: (error: Error) => void
  /** An open connection has ended; the next `onOpen` tells when it is back. */
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
      // The closing handshake takes a moment: frames of that moment would start what nobody stops any more.
      if (!isClosed) listener.onFrame(JSON.parse(String(data)) as Frame)
    })
    socket.on('unexpected-response', (_request, { statusCode }) => refuse(new Error(refusal(statusCode))))
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

const refusal = (status = 0): string =>
  status === 401 || status === 403
    ? `The server refused the token (${status}): it is wrong, expired, or not a client's.`
    : `The server refused the connection (${status}).`
