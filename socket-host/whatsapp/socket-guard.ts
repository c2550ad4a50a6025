/** Keeps a library's WebSocket from harming others: its errors are caught where they arise, its close does not linger. */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Catches whatever the listeners that are there now throw or reject. Baileys' are async functions whose rejections
 * nobody handles, which by default ends the process (R41); here each is reported with the event it came from.
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

/** A WebSocket client whose `upgrade` event brings the TCP connection, as that of `ws` does. */
export type Closable = EventEmitter & { close(): Promise<void> }

/**
 * Makes `close` drop the TCP connection when the peer has not answered the WebSocket close after `ms`. Otherwise a peer
 * that vanished holds up the library's `close` event for 30 s, during which the dying socket still emits events.
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
