/**
 * Protects the process from a WebSocket of Baileys: catches errors of its listeners, and limits the time of its close.
 */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Reports everything that the present listeners throw or reject, with the event. Baileys' listeners are async functions
 * without a handler for rejections; by default one rejection ends the process (R41).
 */
export function guardListeners(emitter: EventEmitter, report: (event: string, error: unknown) => void): void {
  for (const event of emitter.eventNames()) {
    const listeners = emitter.listeners(event)
    emitter.removeAllListeners(event)
    for (const listener of listeners) {
      emitter.on(event, (...args: unknown[]) => {
        settle(
          () => Reflect.apply(listener, emitter, args),
          (error) => report(String(event), error),
        )
      })
    }
  }
}

function settle(run: () => unknown, report: (error: unknown) => void): void {
  try {
    const result = run()
    if (result instanceof Promise) result.catch(report)
  } catch (error) {
    report(error)
  }
}

/** WebSocket client whose `upgrade` event carries the TCP connection, as in `ws`. */
export type Closable = EventEmitter & { close(): Promise<void> }

/**
 * Makes `close` drop the TCP connection when the peer has not answered the WebSocket close within `ms`. Otherwise a
 * peer that is gone delays Baileys' `close` event by 30 s, and the closing socket emits events for as long.
 */
export function closeWithin(client: Closable, ms: number): void {
  let connection: Socket | undefined
  client.on('upgrade', (response: IncomingMessage) => {
    connection = response.socket
  })
  const close = client.close.bind(client)
  client.close = async () => {
    const timer = setTimeout(() => connection?.destroy(), ms)
    try {
      await close()
    } finally {
      clearTimeout(timer)
    }
  }
}
