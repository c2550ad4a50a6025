import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Channel } from '../wire/channel.ts'
import { failure } from '../wire/stanzas.ts'
import { untilReady } from './conditions.ts'
import type { World } from './world.ts'

/** Calls the handler with each stanza of a client, in order, until the connection ends. */
export async function eachStanza(world: World, channel: Channel, handle: (stanza: BinaryNode) => void): Promise<void> {
  for (let stanza = await channel.receive(); stanza; stanza = await channel.receive()) {
    await untilReady(world, channel.connection)
    handle(stanza)
  }
}

/** Sends a failure with a reason, and closes the connection. */
export function refuse({ connection, send }: Channel, reason: number, attrs?: Record<string, string>): void {
  send(failure(reason, attrs))
  connection.close()
}
