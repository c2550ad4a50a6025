import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Channel } from '../wire/channel.ts'
import { failure } from '../wire/stanzas.ts'
import { untilReady } from './conditions.ts'
import type { World } from './world.ts'

/** Hands every stanza of a client to a handler, one after the other, until the connection ends. */
export async function eachStanza(world: World, channel: Channel, handle: (stanza: BinaryNode) => void): Promise<void> {
  for (let stanza = await channel.receive(); stanza; stanza = await channel.receive()) {
    await untilReady(world, channel.connection)
    handle(stanza)
  }
}

/** Refuses a client with a reason, and hangs up. */
export function refuse({ connection, send }: Channel, reason: number, attrs?: Record<string, string>): void {
  send(failure(reason, attrs))
  connection.close()
}
