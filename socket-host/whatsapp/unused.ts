/**
 * Work that WhatsApp and Baileys would make a socket do although nothing here uses its result (R65). It is kept from
 * Baileys at the events of its WebSocket and of its event buffer, so no patch is needed.
 */
import type { EventEmitter } from 'node:events'
import { childOf, type Stanza, server } from './baileys-socket.ts'

export type Replies = {
  /** Acknowledges a notification or a receipt. WhatsApp would send it again at each login otherwise. */
  readonly acknowledge: (stanza: Stanza) => Promise<void>
  /** Says that the changed groups are known. WhatsApp would announce them at each login otherwise. */
  readonly cleanGroups: () => Promise<void>
}

const typeIs = (type: string) => (stanza: Stanza) => stanza.attrs['type'] === type

/** Notifications that are acknowledged and not handled. */
const unusedNotifications: readonly ((notification: Stanza) => boolean)[] = [
  // Baileys would fetch the collection and rewrite its row, the largest of a session, at each change of a chat.
  typeIs('server_sync'),
  // Tokens that only a device that writes to contacts needs. Baileys would store one row for each contact, and the names
  // of all in one more row, which grows for ever and is rewritten as a whole for each new name.
  typeIs('privacy_token'),
  // A contact has a new phone. Baileys would fetch keys and begin a session with it, which only a device that writes to
  // contacts needs. The contact's own next message begins a session anyway.
  (stanza) => typeIs('encrypt')(stanza) && stanza.attrs['from'] !== server && childOf(stanza, 'identity') !== undefined,
]

const isUnusedNotification = (stanza: Stanza) => unusedNotifications.some((matches) => matches(stanza))

/** True when WhatsApp says that groups have changed: Baileys would fetch every group with all its participants. */
const areDirtyGroups = (stanza: Stanza) =>
  ['groups', 'communities'].includes(childOf(stanza, 'dirty')?.attrs['type'] ?? '')

/**
 * True for a contact's request to send a message again. We have sent none; Baileys would compute a session or fetch keys
 * for it, as often as a contact likes.
 */
const isRetryRequest = typeIs('retry')

/** Answers what is not used in place of Baileys. Call it when Baileys has added its listeners, before the first event. */
export function answerUnused(ws: EventEmitter, { acknowledge, cleanGroups }: Replies): void {
  divert(ws, 'CB:notification', isUnusedNotification, acknowledge)
  divert(ws, 'CB:receipt', isRetryRequest, acknowledge)
  divert(ws, 'CB:ib,,dirty', areDirtyGroups, cleanGroups)
}

/** Gives the stanzas that match to `handle` alone; the present listeners of the event get the others. */
function divert(
  ws: EventEmitter,
  event: string,
  matches: (stanza: Stanza) => boolean,
  handle: (stanza: Stanza) => Promise<void>,
): void {
  const listeners = ws.listeners(event)
  ws.removeAllListeners(event)
  for (const listener of listeners) {
    ws.on(event, (stanza: Stanza) => (matches(stanza) ? undefined : Reflect.apply(listener, ws, [stanza])))
  }
  ws.on(event, (stanza: Stanza) => (matches(stanza) ? handle(stanza) : undefined))
}

/** Events of Baileys with a listener, its own or ours, whose work is used: that of `call` would only make a message. */
export const usedEvents: readonly string[] = ['connection.update', 'creds.update', 'lid-mapping.update']

/**
 * Drops the other events: messages, chats, contacts and groups. Baileys would keep all those of a login in its buffer,
 * for as long as WhatsApp sends what has come in the meantime.
 */
export function dropUnusedEvents(ev: { emit(event: never, data: never): boolean }): void {
  const emit = ev.emit.bind(ev)
  ev.emit = (event, data) => usedEvents.includes(event) && emit(event, data)
}

/** Types of Signal keys that are neither read nor stored: see `privacy_token` above. */
const unusedKeys: readonly string[] = ['tctoken']

type Keys = {
  get(type: never, ids: string[]): Promise<object> | object
  set(data: object): Promise<void> | void
}

/** Leaves out the keys that are not used. */
export function withoutUnusedKeys<T extends Keys>(keys: T): T {
  const { get, set } = keys
  return {
    ...keys,
    get: (type: never, ids: string[]) => (unusedKeys.includes(type) ? {} : get(type, ids)),
    async set(data: object) {
      const used = Object.entries(data).filter(([type]) => !unusedKeys.includes(type))
      if (used.length > 0) await set(Object.fromEntries(used))
    },
  }
}
