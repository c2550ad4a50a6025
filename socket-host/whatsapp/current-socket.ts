/** Which socket the running code works for, and how to end it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { messageOf, ownClose } from './close-reason.ts'
import type { SocketEnd } from './socket-end.ts'

/**
 * Id of the socket that the running code works for. Pooled connections and timers would keep the socket itself alive.
 */
export const currentSocket = new AsyncLocalStorage<number | undefined>()

/** The sockets that have not gone, by id. */
export const sockets = new Map<number, Pick<SocketEnd, 'fail'>>()

/**
 * Ends the socket for which the failing code ran (R41). The process calls it for unhandled rejections and uncaught
 * exceptions. False when the code ran for no socket: the error is the host's own.
 */
export function blameSocket(error: unknown): boolean {
  const id = currentSocket.getStore()
  if (id === undefined) return false
  sockets.get(id)?.fail(ownClose('lost', `unhandled: ${messageOf(error)}`))
  return true
}
