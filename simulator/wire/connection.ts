import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { frameOf, readFrames } from './frames.ts'
import { newInbox } from './inbox.ts'

/** One client's WebSocket, seen as a stream of frames in each direction. */
export type Connection = {
  readonly id: number
  /** The name that the client goes by, if it has said one. */
  readonly client: string | undefined
  /** The next frame in order; undefined once the connection is over. */
  receive(): Promise<Buffer | undefined>
  sendFrame(bytes: Uint8Array): void
  /** Writes past the WebSocket layer, to break it. */
  sendRaw(bytes: Uint8Array): void
  routingInfo(): Buffer | undefined
  isOpen(): boolean
  /** Closes the WebSocket, as WhatsApp does when it has said why. */
  close(): void
  /** Drops the TCP connection without a word. */
  cut(): void
  /** Answers nothing any more, though the connection stays up. */
  mute(): void
  /** Reads nothing any more either, so that even a WebSocket close stays unanswered. */
  vanish(): void
  isDisturbed(): boolean
  /** Runs later, unless the connection has ended by then. */
  later(ms: number, run: () => void): void
  onClosed(run: () => void): void
}

/** Takes over a WebSocket that has just been accepted. `tcp` is the socket under it. */
export function openConnection(
  { id, client }: Pick<Connection, 'id' | 'client'>,
  socket: WebSocket,
  tcp: Duplex,
  onGarbage: (why: string) => void,
): Connection {
  const reader = readFrames()
  const inbox = newInbox<Buffer>()
  const timers = timersUntilClosed(socket)
  const isOpen = () => socket.readyState === socket.OPEN
  let isDisturbed = false

  socket.on('message', (data) => {
    try {
      inbox.deliver(reader.push(asBuffer(data)))
    } catch (error) {
      onGarbage(String(error))
      socket.close()
    }
  })
  socket.on('error', (error) => onGarbage(error.message))
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
    later: timers,
    onClosed: (run) => void socket.once('close', run),
  }
}

/** A setTimeout that forgets everything when the socket closes, so that no connection leaves timers behind. */
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
