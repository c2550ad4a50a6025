import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { frameOf, readFrames } from './frames.ts'
import { newInbox } from './inbox.ts'

/** One client's WebSocket, as a stream of frames in each direction. */
export type Connection = {
  readonly id: number
  /** The name that the client gave as `?client=NAME`, if any. */
  readonly client: string | undefined
  /** Resolves with the next frame, or undefined when the connection has ended. */
  receive(): Promise<Buffer | undefined>
  sendFrame(bytes: Uint8Array): void
  /** Writes to the TCP socket under the WebSocket, which breaks the WebSocket. */
  sendRaw(bytes: Uint8Array): void
  /** The routing info that the client sent before the WA header, if any. */
  routingInfo(): Buffer | undefined
  isOpen(): boolean
  /** Closes the WebSocket, as WhatsApp does after its last stanza. */
  close(): void
  /** Drops the TCP connection without closing the WebSocket. */
  cut(): void
  /** Sends no more frames. The connection stays open. */
  mute(): void
  /** Sends and reads nothing more, so that even a WebSocket close is not answered. */
  vanish(): void
  /** True after cut, mute or vanish. */
  isDisturbed(): boolean
  /** Calls `run` after a delay. The end of the connection cancels it. */
  later(ms: number, run: () => void): void
  onClosed(run: () => void): void
}

/**
 * Wraps a WebSocket that has just been accepted. `tcp` is the socket under it. `onBadStream` gets the reason when the
 * client sends something that is not a WebSocket frame or not WhatsApp's byte stream.
 */
export function openConnection(
  { id, client }: Pick<Connection, 'id' | 'client'>,
  socket: WebSocket,
  tcp: Duplex,
  onBadStream: (why: string) => void,
): Connection {
  const reader = readFrames()
  const inbox = newInbox<Buffer>()
  const later = timersUntilClosed(socket)
  const isOpen = () => socket.readyState === socket.OPEN
  let isDisturbed = false

  socket.on('message', (data) => {
    try {
      inbox.deliver(reader.push(asBuffer(data)))
    } catch (error) {
      onBadStream(String(error))
      socket.close()
    }
  })
  socket.on('error', (error) => onBadStream(error.message))
  socket.on('close', inbox.end)

  const disturb = (how: () => void) => () => {
    isDisturbed = true
    how()
  }
  return {
    id,
    client,
    isOpen,
    receive: inbox.next,
    routingInfo: reader.routingInfo,
    sendFrame(bytes) {
      if (isOpen() && !isDisturbed) socket.send(frameOf(bytes))
    },
    sendRaw: (bytes) => void tcp.write(bytes),
    close: () => socket.close(),
    cut: disturb(() => socket.terminate()),
    mute: disturb(() => {}),
    vanish: disturb(() => socket.pause()),
    isDisturbed: () => isDisturbed,
    later,
    onClosed: (run) => void socket.once('close', run),
  }
}

/** Makes a setTimeout whose timers are cleared when the socket closes. */
function timersUntilClosed(socket: WebSocket): Connection['later'] {
  const timers = new Set<NodeJS.Timeout>()
  socket.once('close', () => {
    for (const timer of timers) clearTimeout(timer)
  })
  return (ms, run) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, ms)
    timers.add(timer)
  }
}

function asBuffer(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}
